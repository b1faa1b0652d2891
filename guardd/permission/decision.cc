#include "guardd/permission/decision.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace guard {
namespace {

// An open is asked about within microseconds of making the file; what is older was there before. A
// machine that is so busy that this is too short lets it pass, and it is put right afterwards.
constexpr std::int64_t kYoung = 500'000'000;
// The clock of files ticks every 10 ms at the slowest, and making a file can take two ticks.
constexpr std::int64_t kSameMoment = 20'000'000;

bool has(const Policy& policy, Guard guard) {
  return policy.said.guards.value.has(guard);
}

Intent unknown_intent(UnknownIntent unknown) {
  Intent intent;
  intent.reads = true;  // a secret is not given away because nobody knows how it was asked for
  intent.writes = unknown == UnknownIntent::kWrite;
  intent.creates = true;
  return intent;
}

}  // namespace

bool is_same_moment(std::int64_t a, std::int64_t b) {
  return std::abs(a - b) <= kSameMoment;
}

// What was just made is empty, has one name, belongs to who made it, and nothing was done to it.
Novelty made_by(const OpenedFile& opened, const std::optional<Intent>& intent, Uid opener) {
  if (opened.state.type != FileType::kRegular) return Novelty::kNo;
  if (intent && (intent->is_exclusive || intent->is_nameless)) return Novelty::kYes;
  if (intent && !intent->creates) return Novelty::kNo;
  if (opened.size != 0 || opened.state.links > 1 || opened.state.uid != opener) return Novelty::kNo;
  const auto since = opened.born.value_or(opened.changed);
  if (opened.now - since > kYoung || !is_same_moment(opened.changed, since) ||
      !is_same_moment(opened.modified, since))
    return Novelty::kNo;
  return opened.born ? Novelty::kYes : Novelty::kMaybe;
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

Decision decide(const Policy& policy, std::string_view path, const OpenedFile& opened, Novelty made,
                const std::optional<Intent>& intent, UnknownIntent unknown,
                const Subject& subject) {
  const auto asked = intent.value_or(unknown_intent(unknown));
  Change change;
  change.path = path;
  change.type = opened.state.type;
  const auto ask = [&](Operation operation) -> std::optional<Decision> {
    change.operation = operation;
    Decision decision;
    decision.verdict = judge(policy, subject, change);
    if (!decision.verdict.violation()) return std::nullopt;
    decision.operation = operation;
    if (decision.verdict.deny) decision.answer = AnswerKind::kDenied;
    return decision;
  };
  if (made != Novelty::kNo) {
    change.uid = opened.state.uid;
    change.gid = opened.state.gid;
    change.mode = opened.state.mode;
    auto decision = ask(Operation::kCreate).value_or(Decision());
    // What may have been there before is let through: refusing it would be wrong, putting it right
    // is not.
    if (made == Novelty::kMaybe && decision.answer == AnswerKind::kDenied)
      decision.answer = AnswerKind::kAllowed;
    if (decision.answer == AnswerKind::kAllowed && decision.verdict.fix &&
        policy.said.fix_at.value == FixAt::kOpen)
      decision.answer = AnswerKind::kToBeFixed;
    return decision;
  }
  // Refused for one reason is refused; what is only told of is told by the first.
  Decision told;
  const std::array operations{std::pair(asked.writes, Operation::kWrite),
                              std::pair(asked.truncates && !asked.writes, Operation::kTruncate),
                              std::pair(asked.reads, Operation::kRead)};
  for (const auto& [is_asked, operation] : operations) {
    if (!is_asked) continue;
    const auto decision = ask(operation);
    if (!decision) continue;
    if (decision->answer == AnswerKind::kDenied) return *decision;
    if (!told.operation) told = *decision;
  }
  return told;
}

}  // namespace guard
