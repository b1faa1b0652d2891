#include "policy/reach.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "policy/base/text.h"
#include "policy/judge.h"

namespace guard {
namespace {

constexpr std::array kOperations{
    Operation::kCreate,   Operation::kMkdir,    Operation::kMknod,       Operation::kSymlink,
    Operation::kLink,     Operation::kRename,   Operation::kChown,       Operation::kChmod,
    Operation::kWrite,    Operation::kTruncate, Operation::kMap,         Operation::kUnlink,
    Operation::kRmdir,    Operation::kSetxattr, Operation::kRemovexattr, Operation::kSetacl,
    Operation::kSetflags, Operation::kMount,    Operation::kRead};

bool guards(Guard guard, Operation operation) {
  for (const auto direction : {Direction::kWithin, Direction::kOutOf}) {
    const auto [first, second] = coverage(operation, direction);
    if (first == guard || second == guard) return true;
  }
  return false;
}

// The effective action of one guard, with the operations that get less.
struct GuardReach {
  bool any_denied = false;
  std::vector<std::string_view> fixed;   // not denied, but fixed
  std::vector<std::string_view> logged;  // neither denied nor fixed
  std::vector<std::string_view> not_seen;
};

GuardReach guard_reach(Guard guard, Backend backend, bool can_chown) {
  GuardReach found;
  for (const auto operation : kOperations) {
    if (!guards(guard, operation)) continue;
    const auto [sees, denies] = reach(backend, operation);
    if (denies) found.any_denied = true;
    const bool fixable = guard == Guard::kOwnership && can_chown &&
                         operation != Operation::kMknod && can_fix(operation, FileType::kRegular);
    if (!sees) found.not_seen.push_back(word(operation));
    if (sees && !denies) (fixable ? found.fixed : found.logged).push_back(word(operation));
  }
  return found;
}

Action guard_action(Guard guard, Action wanted, Backend backend, const TreeLimits& limits,
                    std::vector<std::string>& differences) {
  // A write, a deletion or a read cannot be fixed: for these guards there is no "fix".
  const Action below_deny =
      guard == Guard::kOwnership && !limits.cannot_chown ? Action::kFix : Action::kLog;
  const auto found = guard_reach(guard, backend, !limits.cannot_chown);
  const auto say = [&](const std::vector<std::string_view>& operations, std::string_view what) {
    if (operations.empty()) return;
    differences.push_back(fmt::format("{}: {} {} {}", word(guard), listed(operations),
                                      operations.size() == 1 ? "is" : "are", what));
  };
  say(found.not_seen, "not seen");
  if (wanted == Action::kDeny) {
    say(found.fixed, "fixed afterwards, not denied");
    say(found.logged, "logged, not denied");
  }
  // fanotify does not report who moved a file, and the service itself may have moved it.
  if (guard == Guard::kOwnership && wanted >= Action::kFix && !limits.cannot_chown &&
      backend == Backend::kFanotify) {
    differences.push_back(
        "ownership: a file that is moved into the tree, and that its owner could not read before, "
        "is "
        "reported, not fixed");
  }
  if (wanted == Action::kFix && guard != Guard::kOwnership) {
    differences.push_back(
        fmt::format("{}: this cannot be fixed afterwards, so it is only logged", word(guard)));
    return wanted;  // the strongest effect that "fix" can have for this guard on any backend
  }
  if (wanted == Action::kDeny) {
    // Creation by open() is only a part of the ownership guard.
    const bool all = found.fixed.empty() && found.logged.empty();
    const bool denied = found.any_denied && (guard != Guard::kOwnership || all);
    return denied ? wanted : below_deny;
  }
  return std::min(wanted, std::max(below_deny, Action::kLog));
}

}  // namespace

Reach reach(Backend backend, Operation operation) {
  if (backend == Backend::kLsm) return {true, true};
  switch (operation) {
    // Permission events exist only for opens. The opener's flags show what the open is for.
    case Operation::kCreate:
    case Operation::kWrite:
    case Operation::kMap:
    case Operation::kRead:
      return {true, true};
    // Before Linux 7, no fanotify event reports inode flags.
    case Operation::kSetflags:
      return {false, false};
    default:
      return {true, false};
  }
}

EffectiveAction effective_action(const Policy& policy, Backend backend, const TreeLimits& limits) {
  EffectiveAction effective;
  effective.wanted = policy.action();
  effective.got = effective.wanted;
  if (effective.wanted == Action::kOff) return effective;
  // A rule can want more than the policy. If it gets less, that is a difference, too.
  const auto strongest = policy.strongest_action();
  policy.said.guards.value.each([&](Guard guard) {
    const auto got = guard_action(guard, strongest, backend, limits, effective.differences);
    effective.got = std::min(effective.got, got);
  });
  if (limits.cannot_chown && strongest >= Action::kFix) effective.differences.push_back(limits.why);
  return effective;
}

}  // namespace guard
