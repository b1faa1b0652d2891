#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>

#include "bpf/hooks.h"
#include "bpf/kernel_types.h"
#include "guardd/ctl/doctor/checks.h"
#include "guardd/ctl/machine/config_lines.h"
#include "policy/base/text.h"

namespace guard::doctor {
namespace {

using Names = std::vector<std::string>;

constexpr const char* kModules = "/sys/kernel/security/lsm";
constexpr const char* kGrub = "/etc/default/grub";
constexpr std::string_view kGrubKey = "GRUB_CMDLINE_LINUX=";

Names modules_in(const std::string& text) {
  Names names;
  std::istringstream list(text);
  for (std::string name; std::getline(list, name, ',');) {
    name.erase(name.find_last_not_of(" \n") + 1);
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

bool has(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Keeps all active modules. `capability` is always active; `integrity` is listed because a kernel
// before 6.4 with an IMA policy does not boot without it.
std::string lsm_argument(const Names& active) {
  std::string argument = "lsm=";
  for (const auto& name : active)
    if (name != "capability" && name != "integrity" && name != "bpf") argument += name + ',';
  return argument + "integrity,bpf";
}

// What to write in GRUB's settings, and where; empty if GRUB is not used.
std::string grub_line(const Machine& machine, const std::string& argument) {
  const auto lines = machine.lines(kGrub);
  if (!lines) return {};
  std::size_t number = 0;
  std::string value;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    if (!(*lines)[i].starts_with(kGrubKey)) continue;
    number = i + 1;
    const auto words = machine::words_of((*lines)[i].substr(kGrubKey.size()));
    value = words.empty() ? "" : words.front();
  }
  std::string others;
  for (const auto& word : machine::words_of(value))
    if (!word.starts_with("lsm=")) others += word + ' ';
  const auto line = std::string(kGrubKey) + '"' + others + argument + '"';
  if (number == 0) return std::string("add to ") + kGrub + ": " + line;
  return std::string("write in ") + kGrub + ':' + std::to_string(number) + ": " + line;
}

std::string how_to_list_bpf(const Machine& machine, const Names& active) {
  const auto argument = lsm_argument(active);
  const auto line = grub_line(machine, argument);
  if (line.empty()) return "put " + argument + " on the kernel command line and reboot";
  const bool is_debian = machine.is_there("/usr/sbin/update-grub");
  return line + "; then " + (is_debian ? "update-grub" : "grub2-mkconfig -o /boot/grub2/grub.cfg") +
         " && reboot";
}

constexpr const char* kWhyLsm =
    "without BPF LSM only opens can be denied, and some operations are not noticed; to see what "
    "each "
    "policy loses: guardctl status";

constexpr const char* kWhyTypes =
    "without it, neither the LSM programs nor the tracer, which identifies processes, can be "
    "loaded";
constexpr const char* kWhyHooks =
    "operations that use only these hooks are neither denied nor noticed by the LSM programs";
constexpr const char* kWhyLockdown =
    "BPF programs may not read the kernel's memory, so neither the LSM backend nor the "
    "tracer works";

// Returns whether bpf is in the kernel's list.
bool check_list(Group& group, const Machine& machine) {
  const auto text = machine.text(kModules);
  if (!text && text.error().code() == ENOENT) {
    group.skip("lsm list", "securityfs is not mounted, so the list of security modules is unknown",
               "mount -t securityfs securityfs /sys/kernel/security");
    return false;
  }
  if (!text) {
    group.skip("lsm list", kModules, text.error());
    return false;
  }
  const auto active = modules_in(*text);
  if (has(active, "bpf")) {
    group.ok("lsm list", "bpf is among the security modules: " + listed(active), kWhyLsm);
    return true;
  }
  const auto command_line = machine.text("/proc/cmdline");
  const auto asked = command_line ? machine::words_of(*command_line) : Names{};
  const bool is_asked_for = std::any_of(asked.begin(), asked.end(), [](const auto& word) {
    return word.starts_with("lsm=") && (word + ',').find("bpf,") != std::string::npos;
  });
  if (is_asked_for)
    group.warn(
        "lsm list", "lsm= on the kernel command line has bpf, but this kernel lacks it", kWhyLsm,
        "boot a kernel built with CONFIG_BPF_LSM, such as those of Debian, Fedora and Ubuntu");
  else
    group.warn("lsm list", "bpf is not among the security modules: " + listed(active), kWhyLsm,
               how_to_list_bpf(machine, active));
  return false;
}

void check_types(Group& group, const Machine& machine) {
  if (machine.is_there("/sys/kernel/btf/vmlinux"))
    group.ok("BTF", "the kernel provides type information", kWhyTypes);
  else
    group.warn("BTF", "the kernel provides no type information: no /sys/kernel/btf/vmlinux",
               kWhyTypes,
               "boot a kernel built with CONFIG_DEBUG_INFO_BTF, such as that of your distribution");
}

void check_trial(Group& group, const LsmSupport& lsm) {
  switch (lsm.level) {
    case LsmLevel::kWorks:
      return group.ok("lsm trial", lsm.text, kWhyLsm);
    case LsmLevel::kUntried:
    case LsmLevel::kUnknown:
      return group.skip("lsm trial", lsm.text, lsm.repair);
    case LsmLevel::kDenied:
    case LsmLevel::kFailed:
      return group.warn("lsm trial", lsm.text, kWhyLsm, lsm.repair);
    case LsmLevel::kNotListed:
    case LsmLevel::kNotBuilt:
    case LsmLevel::kNoBtf:
      break;
  }
  group.skip("lsm trial", "not tried: " + lsm.text);
}

void check_hooks(Group& group, const KernelTrials& trials) {
  if (!trials.missing_hooks) return group.skip("hooks", "the hooks are unknown without BTF");
  if (trials.missing_hooks->empty())
    return group.ok("hooks", "the kernel has every LSM hook that guardd attaches to", kWhyHooks);
  group.warn("hooks", "this kernel lacks the LSM hooks " + listed(*trials.missing_hooks), kWhyHooks,
             "boot a newer kernel, or rely on fix for what these hooks would deny");
}

void check_fanotify(Group& group, const FanotifySupport& fanotify) {
  const bool untried = fanotify.reason.find("without root") != std::string::npos;
  if (fanotify.notices && fanotify.permission)
    return group.ok(
        "fanotify", "notifications and permission events are available",
        "guardd learns of changes by notifications, and denies opens by permission events");
  if (untried) return group.skip("fanotify", fanotify.reason, "run it as root");
  if (!fanotify.notices)
    return group.fail(
        "fanotify", fanotify.reason, "without notifications guardd does not learn of changes",
        "boot kernel 5.13 or later with CONFIG_FANOTIFY, and run guardd outside any sandbox");
  group.warn("fanotify", fanotify.reason,
             "without permission events no open is denied, and fix_at = \"open\" has no effect",
             "boot a kernel with CONFIG_FANOTIFY_ACCESS_PERMISSIONS");
}

void check_lockdown(Group& group, const Machine& machine) {
  constexpr const char* kPath = "/sys/kernel/security/lockdown";
  const auto text = machine.text(kPath);
  if (!text && text.error().code() == ENOENT) return;
  if (!text) return group.skip("lockdown", kPath, text.error());
  if (text->find("[confidentiality]") == std::string::npos)
    return group.ok("lockdown", "the kernel's lockdown does not forbid BPF", kWhyLockdown);
  group.warn("lockdown", "the kernel is locked down for confidentiality", kWhyLockdown,
             "boot with lockdown=integrity if your security policy permits it");
}

struct Protection {
  std::string_view title;
  std::string_view setting;
  std::string_view why;
};
constexpr std::array kProtections{
    Protection{
        "hard links", "protected_hardlinks",
        "any user may hard-link the files of others into a tree of their own; guardd never changes "
        "a file with several names, so its owner stays wrong"},
    Protection{"links", "protected_symlinks",
               "users who can write in /tmp can redirect root's programs to files elsewhere"},
    Protection{"files in /tmp", "protected_regular",
               "users who can write in /tmp can make root's programs write into their files"},
};

void check_protections(Group& group, const Machine& machine) {
  for (const auto& each : kProtections) {
    const std::string title(each.title);
    const auto name = "fs." + std::string(each.setting);
    const auto path = "/proc/sys/fs/" + std::string(each.setting);
    const auto text = machine.text(path);
    if (!text) {
      group.skip(title, path, text.error());
    } else if (text->starts_with('0')) {
      group.warn(title, name + " is 0", std::string(each.why),
                 fmt::format("sysctl -w {0}=1; to keep it, write {0} = 1 in "
                             "/etc/sysctl.d/50-links.conf",
                             name));
    } else {
      const auto value = text->substr(0, text->find('\n'));
      group.ok(title, fmt::format("{} is {}", name, value), std::string(each.why));
    }
  }
}

std::optional<Names> missing_hooks() {
  const auto types = KernelTypes::load();
  if (!types) return std::nullopt;
  Names missing;
  for (const auto& each : kKnownHooks) {
    if (each.without == Without::kNothing) continue;
    const auto arguments = types->arguments_of("bpf_lsm_" + std::string(each.hook));
    if (!misfit(each, arguments).empty()) missing.emplace_back(each.hook);
  }
  return missing;
}

}  // namespace

KernelTrials try_kernel() {
  return {probe_lsm(), probe_fanotify(), missing_hooks()};
}

Checks kernel_checks(const Machine& machine, const KernelTrials& trials) {
  Group group("kernel");
  const bool has_bpf = check_list(group, machine);
  check_types(group, machine);
  check_trial(group, trials.lsm);
  if (has_bpf) check_hooks(group, trials);
  check_fanotify(group, trials.fanotify);
  check_lockdown(group, machine);
  check_protections(group, machine);
  return group.take();
}

}  // namespace guard::doctor
