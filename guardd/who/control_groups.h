// Control groups by their kernel id. New ones come from the tracer, others are looked up in the
// kernel. Bounded; a removed group stays known as long as there is room. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "guardd/who/snapshot.h"
#include "policy/base/handle.h"

namespace guard {

// The unit is the last element that is a service or a scope, the slice the last one that is a
// slice.
ControlGroup read_control_group(std::string_view path);

class ControlGroups {
 public:
  // `mounts`: the file that names the mount point of the unified hierarchy.
  explicit ControlGroups(const std::string& mounts = "/proc/self/mountinfo");

  // `path`: from the root of all control groups, as the tracer says it. Everything else says it
  // from the root of the control group namespace, and so does find().
  void add(std::uint64_t id, std::string_view path);

  // The control groups of containers that were added since the last call; the oldest, if there are
  // too many. All others are looked up when a process in them acts.
  std::vector<std::string> take_new_containers() { return std::exchange(new_containers_, {}); }

  // Null: it was removed before the first look-up, or there is no unified hierarchy.
  std::shared_ptr<const ControlGroup> find(std::uint64_t id);

  // Shares the result between equal paths.
  std::shared_ptr<const ControlGroup> of_path(std::string_view path);

 private:
  static constexpr std::size_t kBound = 4096;
  static constexpr std::size_t kMostNew = 64;

  std::string path_from_kernel(std::uint64_t id) const;
  std::string_view as_seen_here(std::uint64_t id, std::string_view path);
  void keep(std::uint64_t id, std::shared_ptr<const ControlGroup> group);

  Fd hierarchy_;
  std::string mount_point_;
  std::optional<std::string> above_;  // the path of the namespace's root, once it is known
  std::unordered_map<std::uint64_t, std::shared_ptr<const ControlGroup>> groups_;
  std::deque<std::uint64_t> oldest_first_;
  std::shared_ptr<const ControlGroup> last_;
  std::vector<std::string> new_containers_;
};

}  // namespace guard
