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

// What to put on the kernel command line so that everything active stays active and bpf joins it.
// `capability` is always there and never named. `integrity` is named because a kernel before 6.4
// that has an IMA policy and an lsm= without it panics at boot, although the active list never
// shows it; a kernel that does not know the name ignores it.
std::string command_line(const Names& active) {
  std::string line = "lsm=";
  for (const auto& name : active) {
    if (name != "capability" && name != "bpf" && name != "integrity") line += name + ",";
  }
  return line + "integrity,bpf";
}

// An error's first line and the lines after it: libbpf's log.
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
            "boot a kernel that has it; Debian's, Fedora's and Ubuntu's do",
            {}};
  }
  return {LsmLevel::kNotListed,
          "bpf is not among the kernel's active security modules",
          fmt::format("put {} on the kernel command line and reboot", command_line(*facts.modules)),
          {}};
}

LsmSupport untried(const LsmFacts& facts) {
  const std::string repair = "ask again as root";
  if (!facts.modules) {
    return {LsmLevel::kUnknown, "the kernel's active security modules cannot be read", repair, {}};
  }
  return {LsmLevel::kUntried,
          "bpf is among the kernel's active security modules, but this process lacks the "
          "CAP_SYS_ADMIN to try it",
          repair,
          {}};
}

LsmSupport denied(const LsmFacts& facts) {
  std::string text = fmt::format("the kernel refuses to load an LSM program ({})",
                                 facts.load->error().code() == EPERM ? "EPERM" : "EACCES");
  if (facts.modules) text += " although bpf is among its active security modules";
  if (facts.seccomp) text += "; this process runs under a seccomp filter";
  if (!facts.lockdown.empty() && facts.lockdown != "none")
    text += fmt::format("; kernel lockdown is \"{}\"", facts.lockdown);
  return {LsmLevel::kDenied, std::move(text),
          "run guardd on the host, outside any container or sandbox; if it is refused there too, "
          "whoever provides this kernel forbids it",
          other_lines(facts.load->error().text())};
}

LsmSupport failed(const LsmFacts& facts, const Error& error) {
  LsmSupport support{LsmLevel::kFailed, first_line(error.text()),
                     "report this with the detail and the kernel's version",
                     other_lines(error.text())};
  if (!facts.modules) {  // the commonest reason, which shows in other ways from kernel to kernel
    support.text += "; perhaps bpf is not among the kernel's active security modules";
    support.repair =
        "mount securityfs and read /sys/kernel/security/lsm; if bpf is not there, it belongs into "
        "lsm= on the kernel command line";
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
    return {LsmLevel::kNoBtf,
            "this kernel does not describe its own types (no /sys/kernel/btf/vmlinux)",
            "boot a kernel built with CONFIG_DEBUG_INFO_BTF; distributions' kernels are",
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
  return {LsmLevel::kWorks, "LSM programs load, attach and refuse", {}, {}};
}

LsmSupport probe_lsm(const ProbePaths& paths) {
  return judge_lsm(observe_lsm(paths));
}

}  // namespace guard
