// learn: proposes entries for a policy from its recorded violations.

#include <algorithm>

#include "dbus/client/report_reader.h"
#include "guardd/ctl/ask/connect.h"
#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/text/proposals_text.h"
#include "guardd/ctl/verbs/verbs.h"
#include "guardd/host/users.h"
#include "policy/base/duration.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

struct LearnOptions {
  std::string policy;
  std::string length = "7d";
};

bus::Answer<int> learn(const Options& options, const LearnOptions& asked) {
  if (asked.policy.empty()) return misused("POLICY is empty", "learn");
  const auto length = parse_duration(asked.length);
  if (!length)
    return misused("--for " + quote(asked.length) + ": " + length.error().text(), "learn");
  if (length->count() <= 0) return misused("--for must be longer than 0", "learn");
  LessonOrigin from;
  const auto now = std::chrono::system_clock::now();
  from.asked = {now - std::chrono::duration_cast<std::chrono::system_clock::duration>(*length),
                now};
  RecordFilter query;
  query.policy = asked.policy;
  query.since = from.asked.from;
  GUARD_TRY(auto daemon, reach_daemon(options));
  GUARD_TRY(const auto record, daemon.learn(query));
  GUARD_TRY(const auto policies, daemon.policies());
  const auto policy = std::find_if(policies.begin(), policies.end(),
                                   [&](const auto& each) { return each.name == asked.policy; });
  if (policy == policies.end())
    return fail(Error("policy " + quote(asked.policy) + " has just been removed"));
  const auto lessons = bus::lessons_in(record);
  if (lessons.all.violations == 0)
    return fail(Error("no violations of " + quote(asked.policy) + " were recorded within " +
                      asked.length + "; try a longer --for"));
  from.policy = policy->name;
  from.action = policy->action;
  from.file = policy->file;
  const auto proposals = propose(lessons, policy->paths, SystemUsers());
  return show_result(
      options, kDone, [&] { return proposals_json(from, lessons, proposals); },
      [&](const Terminal& /*terminal*/) { return proposals_text(from, lessons, proposals); });
}

}  // namespace

Run learn_verb(Arguments& arguments) {
  auto asked = std::make_shared<LearnOptions>();
  arguments.required("policy", asked->policy);
  arguments.option("--for", asked->length);
  return [asked](const Options& options) { return status_of(learn(options, *asked)); };
}

}  // namespace guard::ctl
