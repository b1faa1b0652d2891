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

bool show_line(const Options& options, const std::string& line) {
  return options.quiet || Terminal::detect(options.pager).show(line + '\n');
}

int reload(const Options& options) {
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  if (const auto done = daemon->reload(); !done) return fail(done.error());
  const auto terminal = Terminal::detect(options.pager);
  // Scripts want errors only.
  if (!options.json && (options.quiet || !terminal.is_terminal())) return kDone;
  const auto status = daemon->status();
  if (!status) return fail(status.error());
  const auto policies = daemon->policies();
  if (!policies) return fail(policies.error());
  if (!options.json) {
    const auto line = counted(policies->size(), "policy", "policies") + ", generation " +
                      std::to_string(status->generation);
    return show_line(options, line) ? kDone : kFailed;
  }
  Json json;
  json["policies"] = policies->size();
  json["generation"] = status->generation;
  json["policy_identity"] = status->policy_identity;
  return show_json(terminal, json) ? kDone : kFailed;
}

int pause(const Options& options, const PauseOptions& asked) {
  if (asked.policy.empty()) return misused("POLICY is empty", "pause");
  if (asked.reason.empty()) return misused("--reason is empty", "pause");
  const auto length = parse_duration(asked.length);
  if (!length)
    return misused("--for " + quote(asked.length) + ": " + length.error().text(), "pause");
  if (length->count() == 0) return misused("--for must be longer than 0", "pause");
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  if (const auto done = daemon->pause(asked.policy, *length, asked.reason); !done)
    return fail(done.error());
  const auto until = format_moment(std::chrono::system_clock::now() + *length);
  if (!options.json) {
    const auto policy = escaped(asked.policy);
    const auto line = policy + " is paused until " + until + ": until then, guardd denies " +
                      "and fixes nothing.\nTo end the pause early: guardctl resume " + policy;
    return show_line(options, line) ? kDone : kFailed;
  }
  Json json;
  json["policy"] = json_text(asked.policy);
  json["usec"] = length->count();
  return show_json(Terminal::detect(options.pager), json) ? kDone : kFailed;
}

int resume(const Options& options, const std::string& policy) {
  if (policy.empty()) return misused("POLICY is empty", "resume");
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  if (const auto done = daemon->resume(policy); !done) return fail(done.error());
  if (!options.json)
    return show_line(options, escaped(policy) + " is guarded again.") ? kDone : kFailed;
  Json json;
  json["policy"] = json_text(policy);
  return show_json(Terminal::detect(options.pager), json) ? kDone : kFailed;
}

}  // namespace

Run reload_verb(Arguments& /*arguments*/) {
  return reload;
}

Run pause_verb(Arguments& arguments) {
  auto asked = std::make_shared<PauseOptions>();
  arguments.required("policy", asked->policy);
  arguments.required("--for", asked->length);
  arguments.required("--reason", asked->reason);
  return [asked](const Options& options) { return pause(options, *asked); };
}

Run resume_verb(Arguments& arguments) {
  auto policy = std::make_shared<std::string>();
  arguments.required("policy", *policy);
  return [policy](const Options& options) { return resume(options, *policy); };
}

}  // namespace guard::ctl
