#include "bpf/probe.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>

namespace guard {
namespace {

using Names = std::vector<std::string>;

bool has(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The lsm= option that adds bpf and keeps every active module. `capability` is always active and
// never named. `integrity` is named although the list of active modules never shows it: before
// Linux 6.4, a kernel that has an IMA policy and an lsm= without it panics at boot. Other kernels
// ignore it.
std::string command_line(const Names& active) {
  std::string line = "lsm=";
  for (const auto& name : active) {
    if (name != "capability" && name != "bpf" && name != "integrity") line += name + ",";
  }
  return line + "integrity,bpf";
}

// The first line of an error, and the lines after it: libbpf's log.
std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}
std::string other_lines(const std::string& text) {
  const auto end = text.find('\n');
  return end == std::string::npos ? std::string() : text.substr(end + 1);
}

bool denied(const Error& error) {
  return error.code() == EPERM || error.code() == EACCES;
}

LsmSupport not_listed(const LsmFacts& facts) {
  if (facts.built_in == false) {
    return {LsmLevel::kNotBuilt,
            "this kernel was built without BPF LSM (CONFIG_BPF_LSM)",
            "boot a kernel with BPF LSM, such as those of Debian, Fedora and Ubuntu",
            {}};
  }
  return {LsmLevel::kNotListed,
          "bpf is not among the kernel's active security modules",
          fmt::format("add {} to the kernel command line and reboot", command_line(*facts.modules)),
          {}};
}

LsmSupport untried(const LsmFacts& facts) {
  const std::string repair = "ask again as root";
  if (!facts.modules) {
    return {LsmLevel::kUnknown, "the kernel's active security modules cannot be read", repair, {}};
  }
  return {LsmLevel::kUntried,
          "bpf is among the kernel's active security modules, but this process lacks CAP_SYS_ADMIN "
          "to try it",
          repair,
          {}};
}

LsmSupport denied(const LsmFacts& facts) {
  std::string text = fmt::format("the kernel does not permit loading an LSM program ({})",
                                 facts.load->error().code() == EPERM ? "EPERM" : "EACCES");
  if (facts.modules) text += " although bpf is among its active security modules";
  if (facts.seccomp) text += "; this process runs under a seccomp filter";
  if (!facts.lockdown.empty() && facts.lockdown != "none")
    text += fmt::format("; kernel lockdown is \"{}\"", facts.lockdown);
  return {LsmLevel::kDenied, std::move(text),
          "run guardd on the host, outside of any container or sandbox; if that fails too, the "
          "provider of this machine does not permit it",
          other_lines(facts.load->error().text())};
}

LsmSupport failed(const LsmFacts& facts, const Error& error) {
  LsmSupport support{LsmLevel::kFailed, first_line(error.text()),
                     "report a bug, with this detail and the kernel version",
                     other_lines(error.text())};
  if (!facts.modules) {  // the most common cause, which each kernel shows differently
    support.text += "; bpf may be missing from the kernel's active security modules";
    support.repair =
        "mount securityfs and read /sys/kernel/security/lsm; if bpf is missing, add it to lsm= on "
        "the "
        "kernel command line";
  }
  return support;
}

}  // namespace

std::string_view to_string(LsmLevel level) {
  switch (level) {
    case LsmLevel::kWorks:
      return "works";
    case LsmLevel::kUntried:
      return "untried";
    case LsmLevel::kDenied:
      return "refused";
    case LsmLevel::kNotListed:
      return "not-listed";
    case LsmLevel::kNotBuilt:
      return "not-built";
    case LsmLevel::kNoBtf:
      return "no-btf";
    case LsmLevel::kFailed:
      return "failed";
    case LsmLevel::kUnknown:
      break;
  }
  return "unknown";
}

LsmSupport judge_lsm(const LsmFacts& facts) {
  if (facts.modules && !has(*facts.modules, "bpf")) return not_listed(facts);
  if (!facts.btf) {
    return {
        LsmLevel::kNoBtf,
        "this kernel has no type information (no /sys/kernel/btf/vmlinux)",
        "boot a kernel built with CONFIG_DEBUG_INFO_BTF, such as those of current distributions",
        {}};
  }
  if (!facts.privileged || !facts.load) return untried(facts);
  if (!*facts.load) {
    return denied(facts.load->error()) ? denied(facts) : failed(facts, facts.load->error());
  }
  if (!facts.attach) return {};
  if (!*facts.attach) return failed(facts, facts.attach->error());
  if (!facts.canary) return {};
  if (!*facts.canary) return failed(facts, facts.canary->error());
  return {LsmLevel::kWorks, "LSM programs load, attach and deny", {}, {}};
}

LsmSupport probe_lsm(const ProbePaths& paths) {
  return judge_lsm(observe_lsm(paths));
}

}  // namespace guard
