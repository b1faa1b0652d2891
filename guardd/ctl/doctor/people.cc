#include <array>
#include <cerrno>

#include "guardd/ctl/doctor/checks.h"
#include "guardd/ctl/doctor/pam.h"
#include "guardd/ctl/machine/config_lines.h"
#include "policy/base/text.h"

namespace guard::doctor {
namespace {

using Names = std::vector<std::string>;

constexpr const char* kLoginUid = "pam_loginuid.so";
constexpr const char* kUnset = "4294967295";

// Services that start a user's session.
constexpr std::array kEntries{"login",         "remote",  "sshd",    "gdm-password",
                              "gdm-autologin", "lightdm", "sddm",    "lxdm",
                              "xdm",           "kde",     "cockpit", "xrdp-sesman"};
// The same, but without a logind session.
constexpr std::array kJobs{"cron", "crond", "atd"};
// Services that change the user within a session.
constexpr std::array kChanges{"su",      "su-l",      "sudo", "sudo-i",  "doas",
                              "runuser", "runuser-l", "run0", "polkit-1"};

constexpr const char* kWhyLoginUid =
    "the login uid is the user who logged in, even after sudo and su; without it an incident names "
    "only root, or an account that many people share";

constexpr const char* kWhyChange =
    "setting it again replaces the person who logged in by root, so incidents lose the person; or "
    "it fails, because the kernel does not permit a second time";

void check_kernel(Group& group, const Machine& machine) {
  const auto login = machine.text("/proc/self/loginuid");
  if (!login) {
    if (login.error().code() != ENOENT)
      return group.skip("login uid", "/proc/self/loginuid", login.error());
    return group.warn("login uid",
                      "this kernel does not support login uids: no /proc/self/loginuid",
                      kWhyLoginUid, "boot a kernel built with CONFIG_AUDIT");
  }
  if (!login->starts_with(kUnset))
    return group.ok("login uid",
                    "this session has the login uid " + login->substr(0, login->find('\n')),
                    kWhyLoginUid);
  const auto control_group = machine.text("/proc/self/cgroup");
  const bool is_session = control_group && control_group->find("/session-") != std::string::npos;
  if (!is_session)
    return group.ok("login uid",
                    "the kernel supports login uids; doctor was not started from a login");
  group.fail("login uid", "this login session has no login uid", kWhyLoginUid,
             "add to the file in /etc/pam.d of the service you logged in with: session required "
             "pam_loginuid.so; then log in again");
}

// Visits the stack of each service that this machine has, and skips those that cannot be read.
template <typename Services, typename Visit>
Names each_stack(Group& group, const Machine& machine, const Services& services, Visit visit) {
  Names present;
  for (const char* service : services) {
    const auto stack = pam_session(machine, service);
    if (stack) {
      present.emplace_back(service);
      visit(std::string(service), *stack);
    } else if (stack.error().code() != ENOENT) {
      group.skip(std::string("PAM ") + service, std::string("/etc/pam.d/") + service,
                 stack.error());
    }
  }
  return present;
}

void check_entry(Group& group, const std::string& service, const std::vector<PamLine>& stack,
                 bool has_session, Names& good) {
  const auto file = "/etc/pam.d/" + service;
  const auto* login = find_module(stack, kLoginUid);
  if (!login)
    return group.fail(
        "PAM " + service, file + " does not set the login uid", kWhyLoginUid,
        "add to " + file + ", before what it includes: session required " + kLoginUid);
  const auto* session = find_module(stack, "pam_systemd.so");
  if (!session) session = find_module(stack, "pam_elogind.so");
  if (!has_session) return good.push_back(service);
  if (!session)
    return group.warn(
        "PAM " + service, file + " does not register a session with logind",
        "guardd cannot report the host and the terminal of a user",
        "apt-get install libpam-systemd, or add to " + file + ": session optional pam_systemd.so");
  if (session < login)
    return group.warn("PAM " + service,
                      file + " registers the session (" + session->place() +
                          ") before the login uid is set (" + login->place() + ")",
                      "logind and the kernel then number the session differently",
                      "move the line of " + std::string(kLoginUid) + " above the other");
  good.push_back(service);
}

void check_change(Group& group, const std::string& service, const std::vector<PamLine>& stack,
                  Names& good) {
  const auto* login = find_module(stack, kLoginUid);
  if (!login) return good.push_back(service);
  const bool is_own = login->file.ends_with("/" + service);
  group.fail("PAM " + service, service + " sets the login uid again: " + login->place(), kWhyChange,
             is_own ? "remove " + login->place()
                    : "move the line from " + login->place() + " into /etc/pam.d/login and sshd");
}

// sshd_config(5): the first value counts.
void check_ssh(Group& group, const Machine& machine) {
  Names files = machine.merged({"/etc/ssh/sshd_config.d"}, ".conf");
  files.emplace_back("/etc/ssh/sshd_config");
  if (!machine.is_there(files.back())) return;
  for (const auto& file : files) {
    const auto lines = machine.lines(file);
    if (!lines) return group.skip("sshd", file, lines.error());
    for (std::size_t i = 0; i < lines->size(); ++i) {
      auto words = machine::words_of((*lines)[i]);
      if (words.size() < 2) continue;
      for (auto& letter : words[0])
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
      if (words[0] == "match") break;
      if (words[0] != "usepam") continue;
      const auto place = file + ':' + std::to_string(i + 1);
      if (words[1] == "yes") return group.ok("sshd", "sshd uses PAM: " + place, kWhyLoginUid);
      return group.fail("sshd", "sshd does not use PAM: " + place, kWhyLoginUid,
                        "write in " + place + ": UsePAM yes; then systemctl reload ssh");
    }
  }
  group.fail("sshd", "sshd does not use PAM: UsePAM yes is not set", kWhyLoginUid,
             "add to /etc/ssh/sshd_config: UsePAM yes; then systemctl reload ssh");
}

}  // namespace

Checks people_checks(const Machine& machine) {
  Group group("people");
  check_kernel(group, machine);
  Names good;
  auto present = each_stack(group, machine, kEntries, [&](const auto& service, const auto& stack) {
    check_entry(group, service, stack, true, good);
  });
  for (auto& job : each_stack(group, machine, kJobs, [&](const auto&service, const auto&stack) {
         check_entry(group, service, stack, false, good);
       }))
    present.push_back(std::move(job));
  if (!good.empty())
    group.ok("PAM logins", listed(good) + (good.size() == 1 ? " sets" : " set") + " the login uid",
             kWhyLoginUid);
  if (present.empty()) group.skip("PAM logins", "no service in /etc/pam.d starts user sessions");
  good.clear();
  (void)each_stack(group, machine, kChanges, [&](const auto& service, const auto& stack) {
    check_change(group, service, stack, good);
  });
  if (!good.empty())
    group.ok("PAM changes",
             listed(good) + (good.size() == 1 ? " keeps" : " keep") + " the login uid", kWhyChange);
  check_ssh(group, machine);
  return group.take();
}

}  // namespace guard::doctor
