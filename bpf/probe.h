// Finds out whether the LSM backend can work on this machine, by trying it: never by a version.
// observe_lsm() looks and tries, judge_lsm() decides from what was seen and touches nothing. The
// trial hurts nobody: its only tag hangs in a file system of its own that no path leads to, and all
// of it is gone when the call returns. Runs on the thread of whoever asks, some 100 ms.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/lsm.h"
#include "policy/base/result.h"

namespace guard {

enum class LsmLevel {
  kWorks,      // loaded, attached, and seen to refuse
  kUntried,    // nothing speaks against it, but this process may not try
  kDenied,     // in the list, but the kernel refuses to load it
  kNotListed,  // not in the list of active security modules
  kNotBuilt,   // the kernel was built without it
  kNoBtf,      // the kernel does not describe its own types
  kFailed,     // tried, and failed in a way that should not be
  kUnknown,    // could not be found out
};

// "works", "untried", "refused", "not-listed", "not-built", "no-btf", "failed", "unknown"
std::string_view to_string(LsmLevel level);

struct LsmSupport {
  LsmLevel level = LsmLevel::kUnknown;
  std::string text;    // one plain sentence: what is so, and why
  std::string repair;  // one sentence: what to do about it; empty where there is nothing to do
  std::string detail;  // what the kernel said about it, many lines; mostly empty
};

// What was seen. A step that was not reached is absent.
struct LsmFacts {
  std::optional<std::vector<std::string>> modules;  // active security modules, in their order
  bool btf = false;
  std::optional<bool> built_in;  // asked only where bpf is not among the modules
  bool privileged = false;       // CAP_SYS_ADMIN, which holds CAP_BPF and CAP_PERFMON
  bool seccomp = false;          // this process runs under a seccomp filter
  std::string lockdown;          // "none", "integrity", "confidentiality"; empty if unknown
  std::optional<Status> load;
  std::optional<Status> attach;
  std::optional<Status> canary;  // an operation that must be refused was, and another was not
};

LsmSupport judge_lsm(const LsmFacts& facts);

struct ProbePaths {
  std::string modules = "/sys/kernel/security/lsm";
  std::string btf = "/sys/kernel/btf/vmlinux";
  std::string lockdown = "/sys/kernel/security/lockdown";
  std::string self = "/proc/self/status";
  bool ask_kernel = true;  // for the modules, where securityfs is not mounted (since 6.8)
};

// What worked goes on working in `kept`, if that is wanted: attached, with no tree in it.
LsmFacts observe_lsm(const ProbePaths& paths = {}, std::optional<Lsm>* kept = nullptr);

LsmSupport probe_lsm(const ProbePaths& paths = {});

}  // namespace guard
