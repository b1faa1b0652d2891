// Control groups by the number that the kernel has for them: what is told about new ones, and the
// kernel itself for the others. Bounded; a group that is gone stays known as long as there is room.
// One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "guardd/who/snapshot.h"
#include "policy/base/handle.h"

namespace guard {

// The unit is the last element that is a service or a scope, the slice the last that is one.
ControlGroup read_control_group(std::string_view path);

class ControlGroups {
 public:
  // `mounts`: where to look for the unified hierarchy.
  explicit ControlGroups(const std::string& mounts = "/proc/self/mountinfo");

  void made(std::uint64_t id, std::string_view path);

  // Null if it is not known: it was removed before anybody asked, or there is no such hierarchy.
  std::shared_ptr<const ControlGroup> find(std::uint64_t id);

  // The same for a path, so that equal ones are kept once.
  std::shared_ptr<const ControlGroup> of_path(std::string_view path);

 private:
  static constexpr std::size_t kBound = 4096;

  std::string path_from_kernel(std::uint64_t id) const;
  void keep(std::uint64_t id, std::shared_ptr<const ControlGroup> group);

  Fd hierarchy_;
  std::string mount_point_;
  std::unordered_map<std::uint64_t, std::shared_ptr<const ControlGroup>> groups_;
  std::deque<std::uint64_t> oldest_first_;
  std::shared_ptr<const ControlGroup> last_;
};

}  // namespace guard
