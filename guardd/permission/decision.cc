#include "guardd/permission/decision.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace guard {
namespace {

// An open that makes a file is read within microseconds; an older file is not new. Fails open: a
// machine too busy for this allows the open, and the file is fixed afterwards.
constexpr std::int64_t kYoung = 500'000'000;
// File times advance in steps of up to 10 ms, and making a file can take two steps.
constexpr std::int64_t kSameMoment = 20'000'000;

bool has(const Policy& policy, Guard guard) {
  return policy.said.guards.value.has(guard);
}

Intent unknown_intent(UnknownIntent unknown) {
  Intent intent;
  intent.reads = true;  // fails safe: flags that cannot be read must not reveal a secret
  intent.writes = unknown == UnknownIntent::kWrite;
  intent.creates = true;
  return intent;
}

}  // namespace

bool is_same_moment(std::int64_t a, std::int64_t b) {
  return std::abs(a - b) <= kSameMoment;
}

// A new file is empty, has one name, belongs to its maker, and has not changed since. Flags that
// can change never show that a file is new.
Novelty novelty_of(const OpenedFile& opened, const std::optional<Intent>& intent, Uid opener) {
  if (opened.state.type != FileType::kRegular) return Novelty::kOld;
  if (intent && !intent->creates) return Novelty::kOld;
  if (opened.size != 0 || opened.state.links > 1 || opened.state.uid != opener)
    return Novelty::kOld;
  if (intent && !intent->can_change && (intent->is_exclusive || intent->is_nameless))
    return Novelty::kNew;
  const auto since = opened.born.value_or(opened.changed);
  if (opened.now - since > kYoung || !is_same_moment(opened.changed, since) ||
      !is_same_moment(opened.modified, since))
    return Novelty::kOld;
  return opened.born ? Novelty::kNew : Novelty::kUnclear;
}

bool needs_answers(const Policy& policy, bool denies_opens) {
  const auto strongest = policy.strongest_action();
  if (policy.said.fix_at.value == FixAt::kOpen && strongest >= Action::kFix &&
      has(policy, Guard::kOwnership))
    return true;
  return !denies_opens && strongest == Action::kDeny &&
         (has(policy, Guard::kOwnership) || has(policy, Guard::kContent) ||
          has(policy, Guard::kRead));
}

bool is_same_for_all(const Policy& policy) {
  return !has(policy, Guard::kContent) && !has(policy, Guard::kRead);
}

Decision decide(const Policy& policy, std::string_view path, const OpenedFile& opened,
                Novelty novelty, const std::optional<Intent>& intent, UnknownIntent unknown,
                const Subject& subject) {
  const auto wanted = intent.value_or(unknown_intent(unknown));
  Change change;
  change.path = path;
  change.type = opened.state.type;
  const auto judged = [&](Operation operation) -> std::optional<Decision> {
    change.operation = operation;
    Decision decision;
    decision.verdict = judge(policy, subject, change);
    if (!decision.verdict.violation()) return std::nullopt;
    decision.operation = operation;
    if (decision.verdict.deny) decision.answer = OpenAnswer::kDeny;
    return decision;
  };
  if (novelty != Novelty::kOld) {
    change.uid = opened.state.uid;
    change.gid = opened.state.gid;
    change.mode = opened.state.mode;
    auto decision = judged(Operation::kCreate).value_or(Decision());
    // Fails open: denying a file that may be old would be wrong. It is fixed once it has settled.
    if (novelty == Novelty::kUnclear && decision.answer == OpenAnswer::kDeny)
      decision.answer = OpenAnswer::kAllow;
    if (decision.answer == OpenAnswer::kAllow && novelty == Novelty::kNew && decision.verdict.fix &&
        policy.said.fix_at.value == FixAt::kOpen)
      decision.answer = OpenAnswer::kFix;
    return decision;
  }
  // One operation that is denied denies the open; else the first violation is reported.
  Decision first;
  const std::array operations{std::pair(wanted.writes, Operation::kWrite),
                              std::pair(wanted.truncates && !wanted.writes, Operation::kTruncate),
                              std::pair(wanted.reads, Operation::kRead)};
  for (const auto& [is_wanted, operation] : operations) {
    const auto decision = is_wanted ? judged(operation) : std::nullopt;
    if (!decision) continue;
    if (decision->answer == OpenAnswer::kDeny) return *decision;
    if (!first.operation) first = *decision;
  }
  return first;
}

}  // namespace guard
