#include "guardd/ctl/doctor/people.h"

#include <array>
#include <cerrno>

#include "guardd/ctl/doctor/pam.h"

namespace guard::doctor {
namespace {

using Names = std::vector<std::string>;

constexpr const char* kLoginUid = "pam_loginuid.so";
constexpr const char* kUnset = "4294967295";

// What begins a session in somebody's name.
constexpr std::array kEntries{"login",         "remote",  "sshd",    "gdm-password",
                              "gdm-autologin", "lightdm", "sddm",    "lxdm",
                              "xdm",           "kde",     "cockpit", "xrdp-sesman"};
// The same without a session of logind's.
constexpr std::array kJobs{"cron", "crond", "atd"};
// What changes the user in the midst of one.
constexpr std::array kChanges{"su",      "su-l",      "sudo", "sudo-i",  "doas",
                              "runuser", "runuser-l", "run0", "polkit-1"};

constexpr const char* kWhyLoginUid =
    "the login uid is who logged in, and stays so through sudo and su; without it an incident "
    "names root, or an account that many share";

constexpr const char* kWhyChange =
    "setting it anew makes root out of whoever logged in, so incidents lose the person; or it "
    "fails, where the kernel does not allow a second time";

void check_kernel(Group& group, const Machine& machine) {
  const auto login = machine.read("/proc/self/loginuid");
  if (!login) {
    if (login.error().code() != ENOENT)
      return group.skip("login uid", "/proc/self/loginuid", login.error());
    return group.warn("login uid", "this kernel keeps no login uid: no /proc/self/loginuid",
                      kWhyLoginUid, "boot a kernel built with CONFIG_AUDIT");
  }
  if (!login->starts_with(kUnset))
    return group.ok("login uid",
                    "this session has the login uid " + login->substr(0, login->find('\n')),
                    kWhyLoginUid);
  const auto control_group = machine.read("/proc/self/cgroup");
  const bool is_session = control_group && control_group->find("/session-") != std::string::npos;
  if (!is_session)
    return group.ok("login uid", "the kernel keeps one; doctor was not started from a login");
  group.fail("login uid", "this login session has no login uid", kWhyLoginUid,
             "add to the file in /etc/pam.d of the service you logged in by: session required "
             "pam_loginuid.so; then log in anew");
}

// The services of the list that are here, with their stacks; those that cannot be read are told.
template <typename Services, typename Visit>
Names each_stack(Group& group, const Machine& machine, const Services& services, Visit visit) {
  Names seen;
  for (const char* service : services) {
    const auto stack = pam_session(machine, service);
    if (stack) {
      seen.emplace_back(service);
      visit(std::string(service), *stack);
    } else if (stack.error().code() != ENOENT) {
      group.skip(std::string("PAM ") + service, std::string("/etc/pam.d/") + service,
                 stack.error());
    }
  }
  return seen;
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
        "PAM " + service, file + " registers no session with logind",
        "guardd cannot say from which host and at which terminal somebody worked",
        "apt-get install libpam-systemd, or add to " + file + ": session optional pam_systemd.so");
  if (session < login)
    return group.warn("PAM " + service,
                      file + " registers the session (" + session->place() +
                          ") before the login uid is set (" + login->place() + ")",
                      "logind then knows the session by another number than the kernel",
                      "move the line of " + std::string(kLoginUid) + " above the other");
  good.push_back(service);
}

void check_change(Group& group, const std::string& service, const std::vector<PamLine>& stack,
                  Names& good) {
  const auto* login = find_module(stack, kLoginUid);
  if (!login) return good.push_back(service);
  const bool is_own = login->file.ends_with("/" + service);
  group.fail("PAM " + service, service + " sets the login uid anew: " + login->place(), kWhyChange,
             is_own ? "remove " + login->place()
                    : "move the line from " + login->place() + " into /etc/pam.d/login and sshd");
}

// The first value counts, as sshd_config(5) says.
void check_ssh(Group& group, const Machine& machine) {
  Names files = machine.merged({"/etc/ssh/sshd_config.d"}, ".conf");
  files.emplace_back("/etc/ssh/sshd_config");
  if (!machine.is_there(files.back())) return;
  for (const auto& file : files) {
    const auto lines = machine.lines(file);
    if (!lines) return group.skip("sshd", file, lines.error());
    for (std::size_t i = 0; i < lines->size(); ++i) {
      auto words = words_of((*lines)[i]);
      if (words.size() < 2) continue;
      for (auto& letter : words[0])
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
      if (words[0] == "match") break;
      if (words[0] != "usepam") continue;
      const auto place = file + ':' + std::to_string(i + 1);
      if (words[1] == "yes") return group.ok("sshd", "sshd runs PAM: " + place, kWhyLoginUid);
      return group.fail("sshd", "sshd does not run PAM: " + place, kWhyLoginUid,
                        "write in " + place + ": UsePAM yes; then systemctl reload ssh");
    }
  }
  group.fail("sshd", "sshd does not run PAM, since nothing says UsePAM yes", kWhyLoginUid,
             "add to /etc/ssh/sshd_config: UsePAM yes; then systemctl reload ssh");
}

}  // namespace

Checks people_checks(const Machine& machine) {
  Group group("people");
  check_kernel(group, machine);
  Names good;
  auto seen = each_stack(group, machine, kEntries, [&](const auto& service, const auto& stack) {
    check_entry(group, service, stack, true, good);
  });
  for (auto& job : each_stack(group, machine, kJobs, [&](const auto&service, const auto&stack) {
         check_entry(group, service, stack, false, good);
       }))
    seen.push_back(std::move(job));
  if (!good.empty())
    group.ok("PAM logins", listed(good) + (good.size() == 1 ? " sets" : " set") + " the login uid",
             kWhyLoginUid);
  if (seen.empty()) group.skip("PAM logins", "no service in /etc/pam.d lets anybody in");
  good.clear();
  (void)each_stack(group, machine, kChanges, [&](const auto& service, const auto& stack) {
    check_change(group, service, stack, good);
  });
  if (!good.empty())
    group.ok("PAM changes",
             listed(good) + (good.size() == 1 ? " leaves" : " leave") + " the login uid as it is",
             kWhyChange);
  check_ssh(group, machine);
  return group.take();
}

}  // namespace guard::doctor
