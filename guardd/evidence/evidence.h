// Why guardd may hand an object over to the owner of its tree. Only this room makes an Evidence:
// from what the kernel recorded of the act, and from the inode itself; never from a path, a process
// or /proc. Pure. Any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "bpf/wire/wire.h"
#include "policy/base/ids.h"

namespace guard {

class AccessList;
class InodeHistory;
struct ObjectState;
struct WantedState;

class Evidence {
 public:
  enum class Kind : std::uint8_t {
    kBornHere,           // another user than the owner created the inode in this tree
    kWasTheOwners,       // it belonged to the owner in this tree until another user took it
    kBroughtByRoot,      // root, or its own user, moved it into this tree
    kNothingIsRevealed,  // the owner can read it already
  };
  Kind kind() const { return kind_; }

 private:
  friend class InodeHistory;
  friend std::optional<Evidence> evidence_of(const WitnessTag& tag, Uid wanted);
  friend std::optional<Evidence> nothing_is_revealed(const WantedState& owner,
                                                     const ObjectState& object,
                                                     const AccessList& list);
  explicit Evidence(Kind kind) : kind_(kind) {}

  Kind kind_;
};

// From the tag that the LSM programs left on an inode. `wanted`: the owner that the policy wants
// where the object is now. Nothing: the act was under other terms.
std::optional<Evidence> evidence_of(const WitnessTag& tag, Uid wanted);

}  // namespace guard
