// Finds out whether the LSM backend works on this machine, by trying it, never by a version number.
// observe_lsm() collects facts and tries, judge_lsm() decides from the facts and touches nothing.
// The trial affects no other process: its only tag is in a tmpfs that no path leads to, and it
// leaves nothing behind. Runs on the caller's thread, for some 100 ms.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/lsm.h"
#include "policy/base/result.h"

namespace guard {

enum class LsmLevel {
  kWorks,      // loaded, attached, and seen to deny
  kUntried,    // no obstacle found, but this process may not try
  kDenied,     // in the list, but the kernel denies loading programs
  kNotListed,  // not in the list of active security modules
  kNotBuilt,   // the kernel was built without BPF LSM
  kNoBtf,      // the kernel has no type information
  kFailed,     // tried, and failed for an unexpected reason
  kUnknown,    // could not be found out
};

// "works", "untried", "refused", "not-listed", "not-built", "no-btf", "failed", "unknown"
std::string_view to_string(LsmLevel level);

struct LsmSupport {
  LsmLevel level = LsmLevel::kUnknown;
  std::string text;    // one sentence: the state, and why
  std::string repair;  // one sentence: what to do; empty if there is nothing to do
  std::string detail;  // messages of the kernel, many lines; mostly empty
};

// What was observed. A step that was not reached is absent.
struct LsmFacts {
  std::optional<std::vector<std::string>> modules;  // active security modules, in their order
  bool btf = false;
  std::optional<bool> built_in;  // set only if bpf is not among the modules
  bool privileged = false;       // CAP_SYS_ADMIN, which holds CAP_BPF and CAP_PERFMON
  bool seccomp = false;          // this process runs under a seccomp filter
  std::string lockdown;          // "none", "integrity", "confidentiality"; empty if unknown
  std::optional<Status> load;
  std::optional<Status> attach;
  std::optional<Status> canary;  // an operation was denied as it must be, and another was not
};

LsmSupport judge_lsm(const LsmFacts& facts);

struct ProbePaths {
  std::string modules = "/sys/kernel/security/lsm";
  std::string btf = "/sys/kernel/btf/vmlinux";
  std::string lockdown = "/sys/kernel/security/lockdown";
  std::string self = "/proc/self/status";
  bool ask_kernel = true;  // for the modules, if securityfs is not mounted (since Linux 6.8)
};

// If the trial succeeds, `working` receives the attached programs, without any tree.
LsmFacts observe_lsm(const ProbePaths& paths = {}, std::optional<Lsm>* working = nullptr);

LsmSupport probe_lsm(const ProbePaths& paths = {});

}  // namespace guard
