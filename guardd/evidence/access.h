// What users may do with an object, by mode, groups and access list: whether they would learn
// anything if it had the owner and group that a policy wants. Fails safe: what is unknown grants
// nothing. Pure. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "guardd/evidence/evidence.h"
#include "policy/base/ids.h"
#include "policy/change.h"
#include "policy/policy_set.h"

namespace guard {

// A POSIX access list, as the kernel stores it in an extended attribute.
class AccessList {
 public:
  enum class Kind : std::uint8_t { kNone, kUnknown, kPresent };
  struct Entry {
    std::uint16_t tag;
    std::uint16_t bits;
    std::uint32_t id;
  };

  static AccessList none() { return AccessList(Kind::kNone); }
  static AccessList unknown() { return AccessList(Kind::kUnknown); }
  // The value of the attribute; an invalid one is unknown.
  static AccessList parse(std::string_view bytes);

  Kind kind() const { return kind_; }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  explicit AccessList(Kind kind) : kind_(kind) {}

  Kind kind_;
  std::vector<Entry> entries_;
};

// Whether the owner can read the object, or list and enter the directory. A link reveals nothing.
bool could_read(const WantedState& owner, const ObjectState& object, const AccessList& list);
// Whether the owner can reach what is in the directory.
bool could_enter(const WantedState& owner, const ObjectState& directory, const AccessList& list);

// Whether a change to the wanted group lets a user read the object who could not before.
bool reveals_to_a_group(const WantedState& wanted, const ObjectState& object,
                        const AccessList& list);

// Evidence if each user who can read the object afterwards can read it already. It is up to the
// caller that the owner can reach it.
std::optional<Evidence> nothing_is_revealed(const WantedState& wanted, const ObjectState& object,
                                            const AccessList& list);

// Whether its mode keeps other users than its own from reading the object.
bool is_hidden_from_others(const ObjectState& object);

// Whether only root can put something into the directory. The group's bits are also the limit of
// an access list.
bool is_filled_by_root_alone(const ObjectState& directory);

}  // namespace guard
