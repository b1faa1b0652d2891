// The mounts and unmounts in our mount namespace since the last call. A mount on a tree or below it
// hides what guardd watches: it can be reported, not fixed. From Linux 6.15 on, the kernel also
// reports which process did it. listmount(2) would take a call for each mount, where mountinfo is
// one text that all kernels have. One thread: the daemon's loop.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "guardd/host/mount_table.h"
#include "policy/base/handle.h"

namespace guard {

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
