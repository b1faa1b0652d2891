// Distinct types for numbers that must not be confused: a uid is not a gid, and an inode consists
// of a device and a number.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace guard {

template <typename Tag, typename Number>
struct Strong {
  Number value{};
  friend auto operator<=>(Strong, Strong) = default;
};

using Uid = Strong<struct UidTag, std::uint32_t>;
using Gid = Strong<struct GidTag, std::uint32_t>;

// Permission, set-id and sticky bits: at most 07777.
using Mode = Strong<struct ModeTag, std::uint32_t>;

inline constexpr Uid kRoot{0};

// Whom an object belongs to.
struct OwnerIds {
  Uid user;
  Gid group;
  friend auto operator<=>(const OwnerIds&, const OwnerIds&) = default;
};

// Identifies a file independently of its name. Valid only while the inode is open or marked: file
// systems reuse the number of a deleted file.
struct InodeId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend auto operator<=>(const InodeId&, const InodeId&) = default;
};

}  // namespace guard

template <>
struct std::hash<guard::InodeId> {
  std::size_t operator()(const guard::InodeId& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.inode ^ (id.device * 0x9e3779b97f4a7c15U));
  }
};
