#include "guardd/permission/quick_answers.h"

#include <string_view>
#include <utility>

#include "guardd/helpers/process.h"
#include "guardd/permission/decision.h"

namespace guard {

bool goes_by_paths(const Policy& policy) {
  return !policy.rules.empty() || !policy.exclude.empty();
}

QuickAnswers::Step QuickAnswers::answer(WaitingOpen& open) {
  auto& event = *open.event;
  const auto opener = openers_.find(event.thread());
  if (!opener) ++counters_.unknown_who;
  // Fails open: an opener that cannot be identified, as in another pid namespace, may be the owner.
  // If it is not, the file is fixed afterwards. A helper's open may be one that an answer needs.
  const bool is_stranger = opener && opener->process != self_ && opener->process != 1 &&
                           !HelperProcess::is_one(opener->process) &&
                           opener->uid != event.group().policy().wanted.owner.id;
  const auto opened = is_stranger ? read_opened_file(event.file()) : std::nullopt;
  const bool is_file = opened && opened->state.type == FileType::kRegular;
  return is_file ? answer_stranger(open, *opener, *opened) : allow(event);
}

QuickAnswers::Step QuickAnswers::answer_stranger(WaitingOpen& open, const Opener& opener,
                                                 const OpenedFile& opened) {
  auto& event = *open.event;
  const bool is_old =
      novelty_of(opened, std::nullopt, opener.uid) == Novelty::kOld && opened.state.links > 0;
  if (is_old && (terms_.denies_opens() || is_same_for_all(event.group().policy()))) {
    FollowUpTask task;
    task.event = open.event;
    task.ignore = true;
    const auto step = allow(event);
    (void)follow_up_.offer(std::move(task));
    return step;
  }
  OpenFacts facts{opener, opened, {}};
  if (!open.flags) {
    const auto [call, is_pending] = openers_.call(event.thread());
    if (is_pending) return Step::kTooSoon;
    facts.call = call;
  }
  const bool knows_flags = !open.flags && !facts.call.flags_at;
  const auto novelty = novelty_of(opened, facts.call.intent, opener.uid);
  if (knows_flags && is_harmless(event, facts, novelty)) {
    if (!facts.call.intent) ++counters_.unknown_intent;
    return allow(event);
  }
  open.facts = facts;
  return Step::kUnanswered;
}

// Ids are enough for an open that violates no guard.
bool QuickAnswers::is_harmless(const PermissionEvent& event, const OpenFacts& facts,
                               Novelty novelty) const {
  const auto& policy = event.group().policy();
  if (novelty == Novelty::kOld && terms_.denies_opens())
    return true;  // the LSM answers, and reports what it does not deny
  if (terms_.has_removals() || goes_by_paths(policy)) return false;
  Subject ids;
  ids.self.uid = facts.opener.uid;
  ids.self.gid = facts.opener.gid;
  return !decide(policy, {}, facts.opened, novelty, facts.call.intent,
                 terms_.settings().unknown_intent, ids)
              .operation;
}

QuickAnswers::Step QuickAnswers::allow(PermissionEvent& event) {
  (void)watchdog_.answer(event, true);
  return Step::kAnswered;
}

}  // namespace guard
