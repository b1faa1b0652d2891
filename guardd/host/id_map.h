// The users of a user namespace, and which users of this machine they are. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "policy/lookup.h"

namespace guard {

class IdMap {
 public:
  // Every number is itself.
  static IdMap identity();
  // The text of /proc/PID/uid_map or gid_map.
  static IdMap parse(std::string_view text);
  // What rootless containers get by default: root is the user (or its group), the others are the
  // subordinate ids of the account, in the order of /etc/subuid or /etc/subgid.
  static IdMap rootless(std::uint32_t id, const Account& account, std::string_view sub_ids);
  // What Docker gives to its containers with userns-remap: the subordinate ids of the account whose
  // ids begin with that of root. Without such an account, as many as are usual.
  static IdMap remapped(std::uint32_t root, std::string_view sub_ids);

  // None: it has none there.
  std::optional<std::uint32_t> to_host(std::uint32_t inside) const;
  std::optional<std::uint32_t> to_inside(std::uint32_t host) const;

 private:
  struct Range {
    std::uint64_t inside = 0;
    std::uint64_t host = 0;
    std::uint64_t count = 0;
  };
  std::vector<Range> ranges_;
};

}  // namespace guard
