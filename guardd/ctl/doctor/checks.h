// The groups of checks. A function that looks collects what can be found out only on the machine
// itself; the checks decide from that and from the files of the machine. Each group has a file of
// its own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bpf/probe.h"
#include "dbus/client/answer.h"
#include "dbus/facts.h"
#include "guardd/ctl/doctor/check.h"
#include "guardd/host/fanotify_probe.h"
#include "policy/load/load.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard::doctor {

// What the kernel supports, and which attacks of users it prevents.
struct KernelTrials {
  LsmSupport lsm;
  FanotifySupport fanotify;
  // Hooks that the LSM programs attach to and this kernel lacks; absent if that is unknown.
  std::optional<std::vector<std::string>> missing_hooks;
};
KernelTrials try_kernel();
Checks kernel_checks(const Machine& machine, const KernelTrials& trials);

// Whether the person behind a change can be identified: the login uid, and the PAM stacks that set
// it.
Checks people_checks(const Machine& machine);

// Whether reports have the right time.
struct ClockFacts {
  std::chrono::system_clock::time_point now;
  // When this program was built; a correct clock is never earlier.
  std::optional<std::chrono::system_clock::time_point> built;
  std::optional<bool> is_synchronised;  // as the kernel knows it
};
ClockFacts look_at_clock();
Checks clock_checks(const Machine& machine, const ClockFacts& facts);

// Whether guardd's state, the audit trail and the journal are persistent.
struct StateFacts {
  std::string path;
  int error = 0;  // why it cannot be read
  uid_t uid = 0;
  mode_t mode = 0;
  bool read_only = false;
  std::uint64_t free_bytes = 0;
  std::optional<std::uint64_t> trail_bytes;  // size of the audit trail, if readable
};
StateFacts look_at_state(const std::string& path);
Checks storage_checks(const Machine& machine, const StateFacts& state);

// Whether guardd is running, healthy, and enforces the policies on disk.
struct DaemonFacts {
  bus::Answer<bus::Facts> status;
  bus::Answer<std::vector<bus::PolicyFacts>> policies;
  std::string own_version;
};
// `loaded`: the policies on disk; an error if they cannot be read.
Checks daemon_checks(const Machine& machine, const DaemonFacts& daemon,
                     const Result<LoadResult>& loaded);

// Whether the units of alerts are there, and the programs and settings that they need.
Checks alert_checks(const Machine& machine);

// Whether the users and groups in policies can be looked up when guardd starts, and fast. `slow`: a
// look-up that takes longer is a warning.
Checks names_checks(const Machine& machine, const PolicySet& set, const Users& users,
                    std::chrono::milliseconds slow = std::chrono::milliseconds(200));

// Whether guardd starts before the services that it guards and after their file systems, and
// whether its unit has settings that weaken it.
Checks services_checks(const Machine& machine, const PolicySet& set);

// Other programs that set owners in guarded trees, and not the owner of the policy: tmpfiles.d,
// logrotate, directories of units. What the policy allows is not a fight.
Checks fights_checks(const Machine& machine, const PolicySet& set, const Users& users);

// Whether guardd can work in each tree: its file system, its mounts, the directories above it.
struct ParentDirectory {
  std::string path;
  Uid uid;
  Gid gid;
  Mode mode;
};
// What could not be found out is absent.
struct TreeFacts {
  std::string path;
  int error = 0;  // why it cannot be examined; ENOENT: it does not exist
  std::string filesystem;
  std::string mount_point;
  std::string options;  // of the mount and its file system, between commas
  int handles = 0;      // why there are no file handles; 0 if there are
  std::optional<std::uint64_t> inodes;
  std::uint64_t inodes_free = 0;
  std::vector<std::string> mounts_below;
  std::vector<ParentDirectory> parents;  // up to /
  // Regular files that have a name outside the tree; unknown unless the tree could be read quickly.
  std::uint64_t linked_outside = 0;
  std::string linked_example;
  bool is_complete = true;
};
// `patience`: how long to search for links.
TreeFacts look_at_tree(const Machine& machine, const std::string& path,
                       std::chrono::milliseconds patience = std::chrono::milliseconds(500));
void judge_tree(Group& group, const PolicySet& set, const Tree& tree, const TreeFacts& facts);
// `only`: names of policies; empty for all.
Checks tree_checks(const Machine& machine, const PolicySet& set,
                   const std::vector<std::string>& only);

}  // namespace guard::doctor
