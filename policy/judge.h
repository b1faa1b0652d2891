// Decides whether a change, or an end state, violates a policy. Pure: no system calls, no
// allocation, no lock. Every decision is made here. explain() listens to the same steps, so its
// explanation cannot differ. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "policy/change.h"
#include "policy/policy_set.h"

namespace guard {

// The reason for a verdict: the last step that mattered.
enum class Reason : std::uint8_t {
  kOff,         // the policy's or the rule's action is "off"
  kExcluded,    // the policy excludes the path
  kNotCovered,  // no guard of the policy covers the operation
  kOwner,       // the owner made the change
  kRight,       // owner, group and mode match the policy, or will
  kAllowed,     // an allow with effect "ignore"
  kViolation,
};

// Why a violation is not denied although the action is "deny".
enum class DenyExemption : std::uint8_t { kNone, kOwner, kAllow, kPackageManager, kNotInteractive };

// How an object differs from what the policy wants.
struct Deviation {
  bool owner = false;
  bool group = false;
  std::uint32_t mode_excess = 0;   // bits that it should not have
  std::uint32_t mode_missing = 0;  // bits that it lacks: reported, never added

  bool any() const { return is_fixable() || mode_missing != 0; }
  bool is_fixable() const { return owner || group || mode_excess != 0; }
};

struct Verdict {
  Reason reason = Reason::kRight;
  Guard guard = Guard::kOwnership;  // the guard that was violated
  Deviation deviation;
  const WantedState* wanted = nullptr;
  const Rule* rule = nullptr;
  Action action = Action::kOff;  // the rule's action, or else the policy's
  DenyExemption exemption = DenyExemption::kNone;

  bool violation() const { return reason == Reason::kViolation; }
  bool deny = false;  // what a backend that can deny the operation does
  bool fix = false;   // what follows if the operation was not denied
};

// The steps towards a verdict, in order.
enum class StepKind : std::uint8_t {
  kExclude,  // index: the exclude pattern; yes: it matches
  kRule,     // index: the rule; yes: it matches
  kOwner,    // yes: the subject is the owner
  kGuard,    // index: the guard; yes: it covers the operation
  kState,    // yes: as the policy wants it
  kAllow,    // index: the allow; yes: it matches
  kStrict,   // yes: a package manager, exempt from deny
  kOnly,     // yes: not interactive, exempt from deny
};

class Listener {
 public:
  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual ~Listener() = default;
  virtual void step(StepKind kind, std::size_t index, bool yes) = 0;
};

// `policy` is the policy of the innermost tree that holds the object; `change.path` is relative to
// that tree.
Verdict judge(const Policy& policy, const Subject& subject, const Change& change,
              Listener* listener = nullptr);

// All that judge() asks of a subject to tell whether a change violates the policy.
struct Standing {
  std::optional<Uid> user;
  bool is_ignored = false;  // an allow with effect "ignore" matches
};
Standing standing_of(const Policy& policy, const Subject& subject);
// Whether judge() would find a violation.
bool is_violation(const Policy& policy, const Standing& subject, const Change& change);

// Judges an end state, regardless of who caused it: for scans and settled changes.
Verdict judge(const Policy& policy, std::string_view relative_path, const ObjectState& state,
              Listener* listener = nullptr);

// What the policy wants at this path, whoever does whatever there. Null: it does not guard the
// owners there. The path is looked at only if has_patterns().
const WantedState* wanted_at(const Policy& policy, std::string_view relative_path);
bool has_patterns(const Policy& policy);

// The guards that cover an operation, in the order in which they are checked.
struct Coverage {
  std::optional<Guard> first;
  std::optional<Guard> second;
};
Coverage coverage(Operation operation, Direction direction);

// Whether guardd may fix the result of this operation on an object of this type. It never fixes
// hard links, mounts, FIFOs, sockets or devices.
bool can_fix(Operation operation, FileType type);

}  // namespace guard
