#include "guardd/ctl/doctor/kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>

#include "bpf/hooks.h"
#include "bpf/kernel_types.h"

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

// All that is active stays active. `capability` is there in any case; `integrity` is named since a
// kernel before 6.4 with an IMA policy does not boot without it.
std::string lsm_argument(const Names& active) {
  std::string argument = "lsm=";
  for (const auto& name : active)
    if (name != "capability" && name != "integrity" && name != "bpf") argument += name + ',';
  return argument + "integrity,bpf";
}

// The line of GRUB's settings as it should be, with its place; empty if GRUB is not used.
std::string grub_line(const Machine& machine, const std::string& argument) {
  const auto lines = machine.lines(kGrub);
  if (!lines) return {};
  std::size_t number = 0;
  std::string value;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    if (!(*lines)[i].starts_with(kGrubKey)) continue;
    number = i + 1;
    const auto words = words_of((*lines)[i].substr(kGrubKey.size()));
    value = words.empty() ? "" : words.front();
  }
  std::string kept;
  for (const auto& word : words_of(value))
    if (!word.starts_with("lsm=")) kept += word + ' ';
  const auto line = std::string(kGrubKey) + '"' + kept + argument + '"';
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
    "without BPF LSM only opens can be refused, and some operations are not seen; what each "
    "policy loses says: guardctl status";

constexpr const char* kWhyTypes =
    "neither the LSM programs nor the tracer, which knows who a process was, can be "
    "loaded";
constexpr const char* kWhyHooks =
    "what passes them is neither refused nor seen by the LSM programs";
constexpr const char* kWhyLockdown =
    "BPF programs may not read the kernel's memory, so neither the LSM backend nor the "
    "tracer works";

// The list as the kernel tells it. False: bpf is not known to be in it.
bool check_list(Group& group, const Machine& machine) {
  const auto text = machine.read(kModules);
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
  const auto command_line = machine.read("/proc/cmdline");
  const auto asked = command_line ? words_of(*command_line) : Names{};
  const bool is_asked_for = std::any_of(asked.begin(), asked.end(), [](const auto& word) {
    return word.starts_with("lsm=") && (word + ',').find("bpf,") != std::string::npos;
  });
  if (is_asked_for)
    group.warn("lsm list", "lsm= on the kernel command line has bpf, but this kernel lacks it",
               kWhyLsm,
               "boot a kernel with CONFIG_BPF_LSM; Debian's, Fedora's and Ubuntu's have it");
  else
    group.warn("lsm list", "bpf is not among the security modules: " + listed(active), kWhyLsm,
               how_to_list_bpf(machine, active));
  return false;
}

void check_types(Group& group, const Machine& machine) {
  if (machine.is_there("/sys/kernel/btf/vmlinux"))
    group.ok("BTF", "the kernel describes its types", kWhyTypes);
  else
    group.warn("BTF", "the kernel does not describe its types: no /sys/kernel/btf/vmlinux",
               kWhyTypes,
               "boot a kernel built with CONFIG_DEBUG_INFO_BTF; distributions' kernels are");
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
  if (!trials.missing_hooks) return group.skip("hooks", "without BTF nobody can say");
  if (trials.missing_hooks->empty())
    return group.ok("hooks", "the kernel has every LSM hook that guardd attaches to", kWhyHooks);
  group.warn("hooks", "this kernel lacks the LSM hooks " + listed(*trials.missing_hooks), kWhyHooks,
             "boot a newer kernel, or rely on fix for what these hooks would refuse");
}

void check_fanotify(Group& group, const FanotifySupport& fanotify) {
  const bool untried = fanotify.reason.find("without root") != std::string::npos;
  if (fanotify.notices && fanotify.permission)
    return group.ok("fanotify", "notices and permission events can be had",
                    "by notices guardd learns of changes, by permission events it refuses opens");
  if (untried) return group.skip("fanotify", fanotify.reason, "ask again as root");
  if (!fanotify.notices)
    return group.fail("fanotify", fanotify.reason, "without notices guardd learns of no change",
                      "boot a kernel since 5.13 with CONFIG_FANOTIFY, outside any sandbox");
  group.warn(
      "fanotify", fanotify.reason,
      "without permission events an open is never refused, and fix_at = \"open\" is not kept",
      "boot a kernel with CONFIG_FANOTIFY_ACCESS_PERMISSIONS");
}

void check_lockdown(Group& group, const Machine& machine) {
  constexpr const char* kPath = "/sys/kernel/security/lockdown";
  const auto text = machine.read(kPath);
  if (!text && text.error().code() == ENOENT) return;
  if (!text) return group.skip("lockdown", kPath, text.error());
  if (text->find("[confidentiality]") == std::string::npos)
    return group.ok("lockdown", "the kernel's lockdown does not forbid BPF", kWhyLockdown);
  group.warn("lockdown", "the kernel is locked down for confidentiality", kWhyLockdown,
             "boot with lockdown=integrity, if that is enough for you");
}

struct Protection {
  std::string_view title;
  std::string_view setting;
  std::string_view why;
};
constexpr std::array kProtections{
    Protection{"hard links", "protected_hardlinks",
               "any user may give a file of another's a name in a tree of his own; guardd leaves "
               "files with several names alone, so they stay wrong"},
    Protection{"links", "protected_symlinks",
               "whoever writes in /tmp can lead programs of root's to files elsewhere"},
    Protection{"files in /tmp", "protected_regular",
               "whoever writes in /tmp can have programs of root's write into his files"},
};

void check_protections(Group& group, const Machine& machine) {
  for (const auto& each : kProtections) {
    const std::string title(each.title);
    const auto name = "fs." + std::string(each.setting);
    const auto path = "/proc/sys/fs/" + std::string(each.setting);
    const auto text = machine.read(path);
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
  const bool listed_there = check_list(group, machine);
  check_types(group, machine);
  check_trial(group, trials.lsm);
  if (listed_there) check_hooks(group, trials);
  check_fanotify(group, trials.fanotify);
  check_lockdown(group, machine);
  check_protections(group, machine);
  return group.take();
}

}  // namespace guard::doctor
