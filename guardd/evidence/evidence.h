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
    kBornHere,           // the inode was created in this tree
    kWasTheOwners,       // it had the right owner and group in this tree until it lost them
    kBroughtByRoot,      // root, or its own user, moved it into this tree
    kNothingIsRevealed,  // all who can read it afterwards can read it already
  };
  Kind kind() const { return kind_; }

 private:
  friend class InodeHistory;
  friend std::optional<Evidence> evidence_of(const WitnessTag& tag, OwnerIds wanted);
  friend std::optional<Evidence> nothing_is_revealed(const WantedState& wanted,
                                                     const ObjectState& object,
                                                     const AccessList& list);
  friend std::optional<Evidence> evidence_told(std::optional<std::uint8_t> kind);
  explicit Evidence(Kind kind) : kind_(kind) {}

  Kind kind_;
};

// From the tag that the LSM programs left on an inode. `wanted`: whom the policy wants as
// owner where the object is now. Nothing: the act was under other terms.
std::optional<Evidence> evidence_of(const WitnessTag& tag, OwnerIds wanted);

// In the repair process: what the main process has as evidence for the object that it was asked
// about.
std::optional<Evidence> evidence_told(std::optional<std::uint8_t> kind);

}  // namespace guard
