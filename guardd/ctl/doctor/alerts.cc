#include <algorithm>
#include <cerrno>

#include "guardd/base/config.h"
#include "guardd/ctl/doctor/checks.h"
#include "guardd/ctl/machine/config_lines.h"
#include "guardd/ctl/machine/unit_files.h"
#include "guardd/host/terminal_text.h"
#include "policy/base/text.h"

namespace guard::doctor {
namespace {

constexpr const char* kVariables = "/etc/guardd/alerts.env";
constexpr const char* kStartsNothing = "the alert starts nothing";

// What a unit that guardd installs needs besides itself.
struct Need {
  std::string_view unit;
  std::string_view program;
  std::string_view package;
};
constexpr std::array kNeeds{
    Need{"guardd-alert@.service", "sendmail", "a mail server, such as postfix or msmtp-mta"},
    Need{"guardd-alert-webhook@.service", "curl", "curl"},
    Need{"guardd-alert-wall@.service", "wall", "bsdutils"},
};

bool has_program(const Machine& machine, std::string_view name) {
  for (const char* directory : {"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/"})
    if (machine.is_there(std::string(directory).append(name))) return true;
  return false;
}

// True if nothing is missing.
bool check_need(Group& group, const Machine& machine, const std::string& title,
                const std::string& unit) {
  const auto* need = std::find_if(kNeeds.begin(), kNeeds.end(),
                                  [&](const auto& each) { return each.unit == unit; });
  if (need == kNeeds.end()) return true;
  const std::string program(need->program);
  if (!has_program(machine, program)) {
    group.fail(title, program + " is not installed, which " + unit + " runs", kStartsNothing,
               "install " + std::string(need->package));
    return false;
  }
  if (program != "curl") return true;
  const auto variables = machine.text(kVariables);
  if (!variables && variables.error().code() != ENOENT) {
    group.skip(title, kVariables, variables.error());
    return false;
  }
  if (variables && !machine::configured(*variables, "WEBHOOK_URL").value_or("").empty())
    return true;
  group.fail(title, std::string("WEBHOOK_URL is not set in ") + kVariables, kStartsNothing,
             std::string("write WEBHOOK_URL=\"https://…\" to ") + kVariables);
  return false;
}

}  // namespace

Checks alert_checks(const Machine& machine) {
  Group group("alerts");
  const auto text = machine.text(std::string(kConfigFile));
  if (!text) {
    if (text.error().code() != ENOENT)
      group.skip("settings", std::string(kConfigFile), text.error());
    return group.take();
  }
  Diagnostics diagnostics;
  const auto config =
      read_config(*text, diagnostics.add_file(std::string(kConfigFile)), diagnostics);
  for (const auto& each : diagnostics.all())
    group.fail(
        "settings", diagnostics.format(each), "guardd does not start with these settings",
        std::string("correct ") + std::string(kConfigFile) + ", then run systemctl reload guardd");
  if (diagnostics.has_errors()) return group.take();
  const machine::UnitFiles units(machine);
  std::size_t well = 0;
  for (const auto& alert : config.alerts) {
    const auto title = "alert " + alert.name;
    const auto unit = units.load(alert.unit);
    if (!unit)
      group.fail(title,
                 alert.unit + (unit.error().code() == EPERM    ? " is masked"
                               : unit.error().code() == ENOENT ? " does not exist"
                                                               : ": " + unit.error().text()),
                 kStartsNothing,
                 unit.error().code() == EPERM
                     ? "systemctl unmask " + alert.unit
                     : "name a template that exists, such as guardd-alert@.service, in " +
                           std::string(kConfigFile));
    else if (check_need(group, machine, title, alert.unit))
      ++well;
  }
  if (well > 0)
    group.ok("units",
             counted(well, "alert", "alerts") + (well == 1 ? " has" : " have") +
                 " a unit and all that it needs",
             "they start when something happens that you want to know");
  return group.take();
}

}  // namespace guard::doctor
