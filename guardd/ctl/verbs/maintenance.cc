// reload, pause and resume.

#include "guardd/ctl/ask/connect.h"
#include "guardd/ctl/ask/moment.h"
#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/verbs/verbs.h"
#include "policy/base/duration.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

struct PauseOptions {
  std::string policy;
  std::string length;
  std::string reason;
};

int show_line(const Options& options, const Json& json, const std::string& line) {
  return show_result(
      options, kDone, [&] { return json; },
      [&](const Terminal& /*terminal*/) { return line + '\n'; });
}

bus::Answer<int> reload(const Options& options) {
  GUARD_TRY(auto daemon, reach_daemon(options));
  GUARD_CHECK(daemon.reload());
  // Scripts want errors only.
  if (!options.json && (options.quiet || !Terminal::detect(options.pager).is_terminal()))
    return kDone;
  GUARD_TRY(const auto status, daemon.status());
  GUARD_TRY(const auto policies, daemon.policies());
  Json json;
  json["policies"] = policies.size();
  json["generation"] = status.generation;
  json["policy_identity"] = status.policy_identity;
  return show_line(options, json,
                   counted(policies.size(), "policy", "policies") + ", generation " +
                       std::to_string(status.generation));
}

bus::Answer<int> pause(const Options& options, const PauseOptions& asked) {
  if (asked.policy.empty()) return misused("POLICY is empty", "pause");
  if (asked.reason.empty()) return misused("--reason is empty", "pause");
  const auto length = parse_duration(asked.length);
  if (!length)
    return misused("--for " + quote(asked.length) + ": " + length.error().text(), "pause");
  if (length->count() == 0) return misused("--for must be longer than 0", "pause");
  GUARD_TRY(auto daemon, reach_daemon(options));
  GUARD_CHECK(daemon.pause(asked.policy, *length, asked.reason));
  const auto until = format_moment(std::chrono::system_clock::now() + *length);
  const auto policy = escaped(asked.policy);
  Json json;
  json["policy"] = json_text(asked.policy);
  json["usec"] = length->count();
  return show_line(options, json,
                   policy + " is paused until " + until + ": until then, guardd denies " +
                       "and fixes nothing.\nTo end the pause early: guardctl resume " + policy);
}

bus::Answer<int> resume(const Options& options, const std::string& policy) {
  if (policy.empty()) return misused("POLICY is empty", "resume");
  GUARD_TRY(auto daemon, reach_daemon(options));
  GUARD_CHECK(daemon.resume(policy));
  Json json;
  json["policy"] = json_text(policy);
  return show_line(options, json, escaped(policy) + " is guarded again.");
}

}  // namespace

Run reload_verb(Arguments& /*arguments*/) {
  return [](const Options& options) { return status_of(reload(options)); };
}

Run pause_verb(Arguments& arguments) {
  auto asked = std::make_shared<PauseOptions>();
  arguments.required("policy", asked->policy);
  arguments.required("--for", asked->length);
  arguments.required("--reason", asked->reason);
  return [asked](const Options& options) { return status_of(pause(options, *asked)); };
}

Run resume_verb(Arguments& arguments) {
  auto policy = std::make_shared<std::string>();
  arguments.required("policy", *policy);
  return [policy](const Options& options) { return status_of(resume(options, *policy)); };
}

}  // namespace guard::ctl
