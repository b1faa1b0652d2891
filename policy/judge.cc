#include "policy/judge.h"

#include <algorithm>

namespace guard {
namespace {

constexpr std::uint32_t kAllBits = 07777;

void tell(Listener* listener, StepKind kind, std::size_t index, bool yes) {
  if (listener) listener->step(kind, index, yes);
}

bool excluded(const Policy& policy, std::string_view path, Listener* listener) {
  for (std::size_t i = 0; i < policy.exclude.size(); ++i) {
    const bool yes = policy.exclude[i].glob.matches(path);
    tell(listener, StepKind::kExclude, i, yes);
    if (yes) return true;
  }
  return false;
}

const Rule* first_rule(const Policy& policy, std::string_view path, Listener* listener) {
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    const bool yes = policy.rules[i].matches(path);
    tell(listener, StepKind::kRule, i, yes);
    if (yes) return &policy.rules[i];
  }
  return nullptr;
}

// The part of the verdict that depends only on the path.
Verdict at_path(const Policy& policy, std::string_view path, Listener* listener) {
  Verdict verdict;
  verdict.wanted = &policy.wanted;
  verdict.action = policy.action();
  if (policy.action() == Action::kOff) {
    verdict.reason = Reason::kOff;
    return verdict;
  }
  if (excluded(policy, path, listener)) {
    verdict.reason = Reason::kExcluded;
    return verdict;
  }
  if (const auto* rule = first_rule(policy, path, listener)) {
    verdict.rule = rule;
    verdict.wanted = &rule->wanted;
    verdict.action = rule->action;
  }
  verdict.reason = verdict.action == Action::kOff ? Reason::kOff : Reason::kRight;
  return verdict;
}

Deviation compare(const WantedState& wanted, FileType type, std::optional<Uid> uid,
                  std::optional<Gid> gid, std::optional<Mode> mode) {
  Deviation deviation;
  deviation.owner = uid && *uid != wanted.owner.id;
  deviation.group = gid && *gid != wanted.group.id;
  if (const auto wanted_mode = wanted.mode_of(type); wanted_mode && mode) {
    deviation.mode_excess = mode->value & ~wanted_mode->value & kAllBits;
    deviation.mode_missing = wanted_mode->value & ~mode->value & kAllBits;
  }
  return deviation;
}

bool in_group(const Process& process, Gid gid) {
  return process.gid == gid ||
         std::find(process.groups.begin(), process.groups.end(), gid) != process.groups.end();
}

bool matches(const Allow& allow, const Process& process) {
  const auto& said = allow.said;
  if (said.exe && (!allow.exe || process.exe != allow.exe)) return false;
  if (said.unit && (!allow.unit || !allow.unit->matches(process.unit))) return false;
  const bool wants_container = said.container || said.image;
  if (wants_container && !allow.container.match(process.container, process.image)) return false;
  if (said.user && (!allow.user || process.uid != allow.user)) return false;
  if (said.group && (!allow.group || !in_group(process, *allow.group))) return false;
  if (said.login && (!allow.login || process.login != allow.login)) return false;
  return !said.label || process.labels.has(said.label->value);
}

bool matches(const Allow& allow, const Subject& subject) {
  if (matches(allow, subject.self)) return true;
  return allow.said.children.value &&
         std::any_of(subject.ancestors.begin(), subject.ancestors.end(),
                     [&](const Process& ancestor) { return matches(allow, ancestor); });
}

// The strongest effect of the allows that match. One allow never weakens another.
std::optional<Effect> exemption(const Policy& policy, const Subject& subject, Listener* listener) {
  std::optional<Effect> granted;
  for (std::size_t i = 0; i < policy.allows.size(); ++i) {
    const bool yes = matches(policy.allows[i], subject);
    tell(listener, StepKind::kAllow, i, yes);
    if (!yes) continue;
    if (policy.allows[i].said.effect.value == Effect::kIgnore) return Effect::kIgnore;
    granted = Effect::kNoDeny;
  }
  return granted;
}

bool is_package_manager(const Subject& subject) {
  const auto labelled = [](const Process& process) {
    return process.labels.has(Label::kPackageManager);
  };
  return labelled(subject.self) ||
         std::any_of(subject.ancestors.begin(), subject.ancestors.end(), labelled);
}

DenyExemption exemption_of(const Policy& policy, const Subject& subject,
                           std::optional<Effect> granted, Listener* listener) {
  if (granted) return DenyExemption::kAllow;
  if (!policy.said.strict.value) {
    const bool yes = is_package_manager(subject);
    tell(listener, StepKind::kStrict, 0, yes);
    if (yes) return DenyExemption::kPackageManager;
  }
  if (policy.said.only.value == Only::kInteractive) {
    const bool yes = !subject.interactive();
    tell(listener, StepKind::kOnly, 0, yes);
    if (yes) return DenyExemption::kNotInteractive;
  }
  return DenyExemption::kNone;
}

// Whether the change breaks the ownership guard. Only its result counts. A mount and a hard link
// out of the tree are violations regardless of the owner.
bool breaks_ownership(Verdict& verdict, const Change& change, Listener* listener) {
  verdict.deviation = compare(*verdict.wanted, change.type, change.uid, change.gid, change.mode);
  const bool elsewhere =
      change.operation == Operation::kLink && change.direction == Direction::kOutOf;
  const bool wrong = verdict.deviation.any() || change.operation == Operation::kMount || elsewhere;
  tell(listener, StepKind::kState, 0, !wrong);
  return wrong;
}

// Finds the first guard that the change violates. If there is none, the verdict gets the reason.
bool violates(Verdict& verdict, const Policy& policy, const Change& change, Listener* listener) {
  const auto [first, second] = coverage(change.operation, change.direction);
  bool covered = false;
  for (const auto guard : {first, second}) {
    if (!guard) continue;
    const bool has = policy.said.guards.value.has(*guard);
    // Only regular files have content. Listing a directory or using a FIFO is not a violation.
    const bool is_of_content = guard == Guard::kContent || guard == Guard::kRead;
    if (is_of_content && change.type != FileType::kRegular) continue;
    tell(listener, StepKind::kGuard, static_cast<std::size_t>(*guard), has);
    if (!has) continue;
    covered = true;
    if (*guard == Guard::kOwnership && !breaks_ownership(verdict, change, listener)) continue;
    verdict.guard = *guard;
    return true;
  }
  verdict.reason = covered ? Reason::kRight : Reason::kNotCovered;
  return false;
}

// Whether the change is a violation if no allow ignores it.
Verdict by_user(const Policy& policy, std::optional<Uid> user, const Change& change,
                Listener* listener) {
  auto verdict = at_path(policy, change.path, listener);
  if (verdict.reason != Reason::kRight) return verdict;
  // An owner can still set a wrong group or mode. That is fixed, but an owner is never denied.
  // The same is true for a user that only a rule makes the owner.
  const bool is_service = user == policy.wanted.owner.id;
  const bool is_owner = is_service || user == verdict.wanted->owner.id;
  tell(listener, StepKind::kOwner, 0, is_owner);
  const bool violation = !is_service && violates(verdict, policy, change, listener);
  if (is_owner && !(violation && verdict.guard == Guard::kOwnership && verdict.deviation.any()))
    verdict.reason = Reason::kOwner;
  else if (violation)
    verdict.reason = Reason::kViolation;
  return verdict;
}

}  // namespace

Coverage coverage(Operation operation, Direction direction) {
  switch (operation) {
    case Operation::kCreate:
    case Operation::kMkdir:
    case Operation::kMknod:
    case Operation::kSymlink:
    case Operation::kLink:
    case Operation::kChown:
    case Operation::kMount:
    case Operation::kScan:
      return {Guard::kOwnership, {}};
    case Operation::kRename:
      return {direction == Direction::kOutOf ? Guard::kDelete : Guard::kOwnership, {}};
    case Operation::kChmod:
      return {Guard::kOwnership, Guard::kAttributes};
    case Operation::kWrite:
    case Operation::kTruncate:
    case Operation::kMap:
      return {Guard::kContent, {}};
    case Operation::kUnlink:
    case Operation::kRmdir:
      return {Guard::kDelete, {}};
    case Operation::kSetxattr:
    case Operation::kRemovexattr:
    case Operation::kSetacl:
    case Operation::kSetflags:
      return {Guard::kAttributes, {}};
    case Operation::kRead:
      return {Guard::kRead, {}};
  }
  return {};
}

const WantedState* wanted_at(const Policy& policy, std::string_view relative_path) {
  if (!policy.said.guards.value.has(Guard::kOwnership)) return nullptr;
  const auto verdict = at_path(policy, relative_path, nullptr);
  return verdict.reason == Reason::kRight ? verdict.wanted : nullptr;
}

bool has_patterns(const Policy& policy) {
  return !policy.exclude.empty() || !policy.rules.empty();
}

bool can_fix(Operation operation, FileType type) {
  const bool is_ours_alone =
      type == FileType::kRegular || type == FileType::kDirectory || type == FileType::kSymlink;
  return is_ours_alone && operation != Operation::kLink && operation != Operation::kMount;
}

Verdict judge(const Policy& policy, const Subject& subject, const Change& change,
              Listener* listener) {
  auto verdict = by_user(policy, subject.self.uid, change, listener);
  if (!verdict.violation()) return verdict;
  const bool is_owner = subject.self.uid == verdict.wanted->owner.id;
  const auto granted = exemption(policy, subject, listener);
  if (granted == Effect::kIgnore) {
    verdict.reason = Reason::kAllowed;
    return verdict;
  }
  verdict.fix = verdict.action >= Action::kFix && verdict.guard == Guard::kOwnership &&
                verdict.deviation.is_fixable() && can_fix(change.operation, change.type);
  if (verdict.action == Action::kDeny) {
    verdict.exemption =
        is_owner ? DenyExemption::kOwner : exemption_of(policy, subject, granted, listener);
    verdict.deny = verdict.exemption == DenyExemption::kNone;
  }
  return verdict;
}

Standing standing_of(const Policy& policy, const Subject& subject) {
  return {subject.self.uid, exemption(policy, subject, nullptr) == Effect::kIgnore};
}

bool is_violation(const Policy& policy, const Standing& subject, const Change& change) {
  return !subject.is_ignored && by_user(policy, subject.user, change, nullptr).violation();
}

Verdict judge(const Policy& policy, std::string_view relative_path, const ObjectState& state,
              Listener* listener) {
  auto verdict = at_path(policy, relative_path, listener);
  if (verdict.reason != Reason::kRight) return verdict;
  const bool has = policy.said.guards.value.has(Guard::kOwnership);
  tell(listener, StepKind::kGuard, static_cast<std::size_t>(Guard::kOwnership), has);
  if (!has) {
    verdict.reason = Reason::kNotCovered;
    return verdict;
  }
  verdict.deviation = compare(*verdict.wanted, state.type, state.uid, state.gid, state.mode);
  tell(listener, StepKind::kState, 0, !verdict.deviation.any());
  if (!verdict.deviation.any()) return verdict;
  verdict.reason = Reason::kViolation;
  verdict.fix = verdict.action >= Action::kFix && verdict.deviation.is_fixable() &&
                can_fix(Operation::kScan, state.type) &&
                (state.links <= 1 || state.type == FileType::kDirectory);
  return verdict;
}

}  // namespace guard
