// Numbers that must not be mistaken for each other: a uid is no gid, an inode is a device and a
// number.
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

// The permission bits with set-id and sticky: 07777 at most.
using Mode = Strong<struct ModeTag, std::uint32_t>;

inline constexpr Uid kRoot{0};

// Which file this is, whatever it is called. Good as long as the inode is held open or marked: a
// number is given out again once its file is gone.
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
