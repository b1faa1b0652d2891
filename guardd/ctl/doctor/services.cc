#include "guardd/ctl/doctor/services.h"

#include <algorithm>
#include <array>
#include <set>

#include "guardd/ctl/doctor/units.h"
#include "guardd/host/terminal_text.h"
#include "policy/base/text.h"

namespace guard::doctor {
namespace {

constexpr const char* kUnit = "guardd.service";

// Each makes a mount namespace, in which guardd would not see what everybody sees, unless it is
// said to be off.
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

void check_unit(Group& group, const Machine& machine, const Unit& unit) {
  if (machine.is_masked("/etc/systemd/system/guardd.service") ||
      machine.is_masked("/run/systemd/system/guardd.service"))
    return group.fail("unit", "guardd.service is masked", "nothing ever starts it",
                      "systemctl unmask guardd && systemctl enable --now guardd");
  if (unit.lines.empty())
    return group.skip("unit", "guardd.service is not installed: somebody starts guardd by hand");
  for (const char* target : {"sysinit.target", "multi-user.target"}) {
    const auto link = std::string("/etc/systemd/system/") + target + ".wants/guardd.service";
    if (!machine.target_of(link).empty())
      return group.ok("unit", std::string("guardd.service is enabled, for ") + target);
  }
  group.warn("unit", "guardd.service is not enabled", "after the next boot nothing is guarded",
             "systemctl enable guardd");
}

void check_settings(Group& group, const Unit& unit) {
  if (unit.lines.empty()) return;
  bool is_well = true;
  constexpr const char* kThen = "; then systemctl daemon-reload && systemctl restart guardd";
  for (const auto key : kBlinding) {
    const auto* line = unit.last("Service", key);
    if (!line || is_no(line->value) || line->value == "default" || line->value == "all") continue;
    is_well = false;
    group.fail("settings", line->key + '=' + line->value + " in " + line->place(),
               "guardd gets a mount namespace of its own: mounts that come later, and what lies "
               "there for everybody, are not guarded",
               "remove it from " + line->place() + kThen);
  }
  const auto* watchdog = unit.last("Service", "WatchdogSec");
  if (!watchdog || is_no(watchdog->value) || watchdog->value == "infinity") {
    is_well = false;
    group.warn("watchdog",
               watchdog ? "the watchdog is off: " + watchdog->place() : "the watchdog is off",
               "if guardd ever stood still, nobody would start it anew",
               std::string("systemctl edit guardd: [Service] WatchdogSec=10s") + kThen);
  }
  const auto* restart = unit.last("Service", "Restart");
  if (!restart || is_no(restart->value)) {
    is_well = false;
    group.warn("restart", "systemd does not start guardd again when it has crashed",
               "until somebody does, nothing is guarded",
               std::string("systemctl edit guardd: [Service] Restart=on-failure") + kThen);
  }
  if (is_well) group.ok("settings", "nothing keeps guardd.service from seeing what others see");
}

// The policy whose owner this is; null if there is none.
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
  for (const auto& name : service_names(machine)) {
    const auto unit = read_unit(machine, name);
    const auto* user = unit.last("Service", "User");
    const auto* policy = user ? policy_of(set, user->value) : nullptr;
    if (!policy) continue;
    const auto* defaults = unit.last("Unit", "DefaultDependencies");
    const auto after = unit.all("Unit", "After");
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
        "what goes wrong in its trees until then is only found by the scan at the start",
        "systemctl edit " + name + ": [Unit] After=" + kUnit);
  }
  if (well > 0)
    group.ok("order", counted(well, "service", "services") + " of guarded users " +
                          (well == 1 ? "starts" : "start") + " after guardd");
}

// srv-shop.mount, as systemd-escape(1) --path says it, for names without odd characters.
std::string mount_unit(const std::string& point) {
  std::string name;
  for (const char each : point.substr(1))
    name += each == '/'   ? std::string("-")
            : each == '-' ? std::string("\\x2d")
                          : std::string(1, each);
  return name + ".mount";
}

void check_fstab(Group& group, const Machine& machine, const PolicySet& set) {
  const auto lines = machine.lines("/etc/fstab");
  if (!lines) return;
  const auto unit = read_unit(machine, kUnit);
  const auto after = unit.all("Unit", "After");
  std::set<std::string> told;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    const auto words = words_of((*lines)[i].substr(0, (*lines)[i].find('#')));
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
      if ((root != point && !root.starts_with(point + '/')) || !told.insert(point).second) continue;
      group.warn("mounts",
                 escaped(root) + " is on " + escaped(point) +
                     ", which may be mounted after guardd has started: /etc/fstab:" +
                     std::to_string(i + 1),
                 "what is written there before guardd has noticed the mount is found by a scan, "
                 "without who did it",
                 has("_netdev") ? "nothing, if it lies on the network: guardd follows the mount"
                                : "systemctl edit guardd: [Unit] After=" + mount_unit(point));
    }
  }
  if (told.empty()) group.ok("mounts", "no tree is on a file system that is mounted late");
}

}  // namespace

Checks services_checks(const Machine& machine, const PolicySet& set) {
  Group group("services");
  const auto unit = read_unit(machine, kUnit);
  check_unit(group, machine, unit);
  check_settings(group, unit);
  check_order(group, machine, set);
  check_fstab(group, machine, set);
  return group.take();
}

}  // namespace guard::doctor
