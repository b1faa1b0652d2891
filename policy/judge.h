// The judge: is this change, or this end state, right under this policy? Pure and final: no system
// calls, no allocation, no lock, no doubt. Everything that decides asks here, explain() included,
// which listens to the same steps.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "policy/change.h"
#include "policy/policy_set.h"

namespace guard {

// Why the judge said what it said: the last thing that mattered.
enum class Reason : std::uint8_t {
  kOff,         // the policy's or the rule's action is "off"
  kExcluded,    // the policy excludes the path
  kNotCovered,  // no guard of the policy covers the operation
  kOwner,       // the owner itself did it
  kRight,       // owner, group and mode are, or will be, as wanted
  kAllowed,     // an allow with effect "ignore"
  kViolation,
};

// Why what is wrong would not be refused although the action is "deny".
enum class Spared : std::uint8_t { kNo, kOwner, kByAllow, kPackageManager, kNotInteractive };

// What is not as wanted.
struct Wrong {
  bool owner = false;
  bool group = false;
  std::uint32_t mode_excess = 0;   // bits it has and should not have
  std::uint32_t mode_missing = 0;  // bits it should have: told, but never added by guardd

  bool any() const { return can_be_put_right() || mode_missing != 0; }
  bool can_be_put_right() const { return owner || group || mode_excess != 0; }
};

struct Verdict {
  Reason reason = Reason::kRight;
  Guard guard = Guard::kOwnership;  // which one was violated
  Wrong wrong;
  const Wanted* wanted = nullptr;
  const Rule* rule = nullptr;
  Action action = Action::kOff;  // the ladder that applies: the rule's, or else the policy's
  Spared spared = Spared::kNo;

  bool violation() const { return reason == Reason::kViolation; }
  bool deny = false;       // what a backend that can refuse would do
  bool put_right = false;  // what follows where it could not, or did not, refuse
};

// The steps on the way to a verdict, in order, for whoever wants to hear them.
enum class StepKind : std::uint8_t {
  kExclude,  // index: the exclude pattern; yes: it matches
  kRule,     // index: the rule; yes: it matches
  kOwner,    // yes: the subject is the owner
  kGuard,    // index: the guard; yes: it covers the operation
  kState,    // yes: as wanted
  kAllow,    // index: the allow; yes: it matches
  kStrict,   // yes: a package manager, spared
  kOnly,     // yes: not interactive, spared
};

class Listener {
 public:
  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual ~Listener() = default;
  virtual void step(StepKind kind, std::size_t index, bool yes) = 0;
};

// `policy` is that of the innermost tree holding the object; `change.path` is relative to that
// tree.
Verdict judge(const Policy& policy, const Subject& subject, const Change& change,
              Listener* listener = nullptr);

// The end state, whoever brought it about: what a scan and a settled change are judged by.
Verdict judge(const Policy& policy, std::string_view relative_path, const ObjectState& state,
              Listener* listener = nullptr);

// Which guard covers an operation, whichever the policy has: the first of the two is asked first.
struct Coverage {
  std::optional<Guard> first;
  std::optional<Guard> second;
};
Coverage coverage(Operation operation, Direction direction);

// Whether guardd may put right what this operation did to an object of this type: never what has
// other names elsewhere, never a mount, a FIFO, a socket or a device.
bool can_put_right(Operation operation, FileType type);

}  // namespace guard
