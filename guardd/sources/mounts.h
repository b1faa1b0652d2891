// The mounts and unmounts in our mount namespace since the last call. A mount on a tree or below it
// hides what guardd watches: it can be reported, not fixed. From Linux 6.15 on, the kernel also
// reports which process did it. One thread: the daemon's loop.
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

// By the kernel's id of the mount.
using MountTable = std::map<std::uint64_t, Mount>;

// From the text of /proc/self/mountinfo. Skips lines that it cannot parse.
MountTable read_mounts(std::string_view mountinfo);

struct MountNews {
  std::vector<Mount> mounted;
  std::vector<Mount> unmounted;
  std::optional<std::int32_t> pid;  // the process that did all of it, if it was only one
};

class Mounts {
 public:
  Mounts();

  MountNews news();

 private:
  std::optional<std::int32_t> only_process();

  Fd group_;  // reports the process; empty: this kernel cannot
  MountTable known_;
};

}  // namespace guard
