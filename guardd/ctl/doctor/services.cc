#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "guardd/ctl/doctor/checks.h"
#include "guardd/ctl/machine/config_lines.h"
#include "guardd/ctl/machine/unit_files.h"
#include "guardd/host/terminal_text.h"
#include "policy/base/text.h"

namespace guard::doctor {
namespace {

using machine::is_no;
using machine::Unit;
using machine::UnitFiles;

constexpr const char* kUnit = "guardd.service";

// Each of these, unless it is off, gives guardd a mount namespace in which it would not see the
// mounts of the host.
constexpr std::array<std::string_view, 21> kBlinding{"ProtectSystem",
                                                     "ProtectHome",
                                                     "ReadOnlyPaths",
                                                     "ReadWritePaths",
                                                     "InaccessiblePaths",
                                                     "ExecPaths",
                                                     "NoExecPaths",
                                                     "TemporaryFileSystem",
                                                     "PrivateTmp",
                                                     "PrivateDevices",
                                                     "PrivateMounts",
                                                     "PrivateUsers",
                                                     "ProtectKernelTunables",
                                                     "ProtectKernelModules",
                                                     "ProtectKernelLogs",
                                                     "ProtectControlGroups",
                                                     "ProtectProc",
                                                     "ProcSubset",
                                                     "RootDirectory",
                                                     "RootImage",
                                                     "BindPaths"};

void check_unit(Group& group, const Machine& machine, const Result<Unit>& unit) {
  if (!unit && unit.error().code() == EPERM)
    return group.fail("unit", "guardd.service is masked", "nothing can start guardd",
                      "systemctl unmask guardd && systemctl enable --now guardd");
  if (!unit && unit.error().code() == ENOENT)
    return group.skip("unit", "guardd.service is not installed, so guardd must be started by hand");
  if (!unit) return group.skip("unit", kUnit, unit.error());
  for (const char* target : {"sysinit.target", "multi-user.target"}) {
    const auto link = std::string("/etc/systemd/system/") + target + ".wants/guardd.service";
    if (machine.link(link))
      return group.ok("unit", std::string("guardd.service is enabled, for ") + target);
  }
  group.warn("unit", "guardd.service is not enabled", "nothing is guarded after the next boot",
             "systemctl enable guardd");
}

void check_settings(Group& group, const Unit& unit) {
  bool is_well = true;
  constexpr const char* kRestart = "; then systemctl daemon-reload && systemctl restart guardd";
  for (const auto key : kBlinding) {
    const auto* line = unit.last("Service", key);
    if (!line || is_no(line->value) || line->value == "default" || line->value == "all") continue;
    is_well = false;
    group.fail("settings", line->key + '=' + line->value + " in " + line->place(),
               "guardd gets a mount namespace of its own, so it does not guard what is mounted "
               "later on the host",
               "remove it from " + line->place() + kRestart);
  }
  const auto* watchdog = unit.last("Service", "WatchdogSec");
  if (!watchdog || is_no(watchdog->value) || watchdog->value == "infinity") {
    is_well = false;
    group.warn("watchdog",
               watchdog ? "the watchdog is off: " + watchdog->place() : "the watchdog is off",
               "if guardd hangs, systemd does not restart it",
               std::string("systemctl edit guardd: [Service] WatchdogSec=10s") + kRestart);
  }
  const auto* restart = unit.last("Service", "Restart");
  if (!restart || is_no(restart->value)) {
    is_well = false;
    group.warn("restart", "systemd does not restart guardd after a crash",
               "nothing is guarded until you start guardd by hand",
               std::string("systemctl edit guardd: [Service] Restart=on-failure") + kRestart);
  }
  if (is_well) group.ok("settings", "guardd.service has no settings that weaken guardd");
}

// The policy with this owner; null if there is none.
const Policy* policy_of(const PolicySet& set, const std::string& user) {
  for (const auto& policy : set.policies()) {
    const auto& owner = policy.wanted.owner;
    if (owner.id != kRoot && (user == owner.name || user == std::to_string(owner.id.value)))
      return &policy;
  }
  return nullptr;
}

void check_order(Group& group, const Machine& machine, const PolicySet& set) {
  std::size_t well = 0;
  for (const auto& unit : UnitFiles(machine).load_all()) {
    const auto& name = unit.name();
    const auto* user = unit.last("Service", "User");
    const auto* policy = user ? policy_of(set, user->value) : nullptr;
    if (!policy) continue;
    const auto* defaults = unit.last("Unit", "DefaultDependencies");
    const auto after = unit.words("Unit", "After");
    const bool is_later = std::any_of(after.begin(), after.end(), [](const auto& each) {
      return each == kUnit || each == "sysinit.target" || each == "basic.target";
    });
    if (!defaults || !is_no(defaults->value) || is_later) {
      ++well;
      continue;
    }
    group.warn(
        "order",
        name + " of " + quote(user->value) + " may start before guardd: " + defaults->place(),
        "only the scan at the start finds what goes wrong in its trees before",
        "systemctl edit " + name + ": [Unit] After=" + kUnit);
  }
  if (well > 0)
    group.ok("order", counted(well, "service", "services") + " of guarded users " +
                          (well == 1 ? "starts" : "start") + " after guardd");
}

// The mount unit of a path, as systemd-escape(1) --path writes it, for names of plain characters.
std::string mount_unit(const std::string& point) {
  std::string name;
  for (const char each : point.substr(1))
    name += each == '/'   ? std::string("-")
            : each == '-' ? std::string("\\x2d")
                          : std::string(1, each);
  return name + ".mount";
}

void check_fstab(Group& group, const Machine& machine, const Result<Unit>& unit,
                 const PolicySet& set) {
  const auto lines = machine.lines("/etc/fstab");
  if (!lines) return;
  const auto after = unit ? unit->words("Unit", "After") : std::vector<std::string>();
  std::set<std::string> reported;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    const auto words = machine::words_of((*lines)[i].substr(0, (*lines)[i].find('#')));
    if (words.size() < 4 || words[1] == "/" || !words[1].starts_with('/')) continue;
    const auto& point = words[1];
    const auto options = ',' + words[3] + ',';
    const auto has = [&](const char* option) {
      return options.find(std::string(",") + option) != std::string::npos;
    };
    const bool is_late =
        has("nofail") || has("noauto") || has("_netdev") || has("x-systemd.automount");
    const bool is_ordered = std::find(after.begin(), after.end(), mount_unit(point)) != after.end();
    if (!is_late || is_ordered) continue;
    for (const auto& tree : set.trees()) {
      const auto root = tree.root();
      if ((root != point && !root.starts_with(point + '/')) || !reported.insert(point).second)
        continue;
      group.warn(
          "mounts",
          escaped(root) + " is on " + escaped(point) +
              ", which may be mounted after guardd starts: /etc/fstab:" + std::to_string(i + 1),
          "a scan finds what is written there before guardd notices the mount, but not who "
          "wrote it",
          has("_netdev") ? "nothing, for a network file system: guardd follows the mount"
                         : "systemctl edit guardd: [Unit] After=" + mount_unit(point));
    }
  }
  if (reported.empty()) group.ok("mounts", "no tree is on a file system that is mounted late");
}

}  // namespace

Checks services_checks(const Machine& machine, const PolicySet& set) {
  Group group("services");
  const auto unit = UnitFiles(machine).load(kUnit);
  check_unit(group, machine, unit);
  if (unit) check_settings(group, *unit);
  check_order(group, machine, set);
  check_fstab(group, machine, unit, set);
  return group.take();
}

}  // namespace guard::doctor
