// What was mounted and unmounted in our mount namespace since somebody last asked. A mount over a
// tree or below it hides what guardd watches; it can be seen and told, not put right. Where the
// kernel tells who (Linux 6.15), that is known too. One thread: the daemon's loop.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/base/handle.h"

namespace guard {

struct Mount {
  std::string point;
  std::string type;    // "ext4"
  std::string source;  // "/dev/sda1"
};

// By the kernel's number for the mount.
using MountTable = std::map<std::uint64_t, Mount>;

// From the text of /proc/self/mountinfo. Lines that are none are left out.
MountTable read_mounts(std::string_view mountinfo);

struct MountNews {
  std::vector<Mount> mounted;
  std::vector<Mount> unmounted;
  std::optional<std::int32_t> pid;  // who did all of it, if that was one process
};

class Mounts {
 public:
  Mounts();

  MountNews news();

 private:
  std::optional<std::int32_t> only_one();

  Fd group_;  // tells who; empty: the kernel does not
  MountTable known_;
};

}  // namespace guard
