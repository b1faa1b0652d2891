#include "guardd/who/command.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <string_view>

namespace guard {
namespace {

// Process names in the kernel have at most 15 bytes.
using NameList = std::span<const std::string_view>;

constexpr std::array<std::string_view, 13> kShellNames{"ash",  "bash",  "csh", "dash",  "fish",
                                                       "ksh",  "mksh",  "nu",  "rbash", "sh",
                                                       "tcsh", "xonsh", "zsh"};

// Programs that start another one and wait for it.
constexpr std::array<std::string_view, 14> kWrapperNames{
    "chronic", "chrt",   "env",    "faketime", "flock", "ionice",  "nice",
    "nohup",   "setsid", "stdbuf", "strace",   "time",  "timeout", "watch"};

constexpr std::array<std::string_view, 29> kManagerNames{
    "systemd",         "(systemd)",       "(sd-pam)",      "init",      "supervisord",
    "runsv",           "runsvdir",        "s6-supervise",  "s6-svscan", "monit",
    "containerd",      "containerd-shim", "conmon",        "crun",      "runc",
    "dockerd",         "docker-init",     "tini",          "dumb-init", "catatonit",
    "systemd-nspawn",  "lxc-start",       "lxc-attach",    "kubelet",   "start-stop-daem",
    "systemd-executo", "(sd-nspawn)",     "(sd-executor)", "podman"};

constexpr std::array<std::string_view, 8> kLoginNames{"sshd",       "sshd-session",   "sshd-auth",
                                                      "dropbear",   "login",          "agetty",
                                                      "in.telnetd", "cockpit-session"};

constexpr std::array<std::string_view, 14> kTerminalNames{
    "tmux",           "tmux: client", "tmux: server", "screen",  "SCREEN",          "mosh-server",
    "xterm",          "kitty",        "alacritty",    "konsole", "gnome-terminal-", "ttyd",
    "cockpit-bridge", "expect"};

constexpr std::array<std::string_view, 8> kSwitchNames{"su",     "sudo", "sudo-rs", "doas",
                                                       "pkexec", "run0", "runuser", "setpriv"};

constexpr std::array<std::string_view, 6> kSchedulerNames{"cron",    "crond", "atd",
                                                          "anacron", "fcron", "incrond"};

constexpr std::array<std::string_view, 9> kAgentNames{
    "gitlab-runner", "Runner.Worker",  "Runner.Listener", "buildkite-agent", "drone-runner-ex",
    "act_runner",    "forgejo-runner", "woodpecker-agen", "gitea-runner"};

constexpr std::array<std::string_view, 18> kPackageManagerNames{
    "apt",      "apt-get", "aptitude", "synaptic", "dpkg",   "unattended-upgr",
    "rpm",      "dnf",     "dnf-3",    "dnf4",     "dnf5",   "yum",
    "microdnf", "zypper",  "pacman",   "apk",      "emerge", "snapd"};

// They run helpers of their own, often through a shell.
constexpr std::array<std::string_view, 13> kBuilderNames{
    "git",      "make", "gmake", "ninja", "cmake",    "xargs",    "find",
    "parallel", "npm",  "pip",   "pip3",  "composer", "logrotate"};

bool is_in(NameList names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

enum class Role : std::uint8_t {
  kProgram,
  kShell,  // or a program that starts another one and waits for it
  kPackageManager,
  kBuilder,
  // Boundaries:
  kSwitch,
  kPrompt,
  kLogin,
  kTerminal,
  kScheduler,
  kAgent,
  kManager
};

bool is_boundary(Role role) {
  return role >= Role::kSwitch;
}

std::string_view last_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// The name of the program, as far as the kernel shows it.
std::string_view name_of(const Ancestor& process) {
  std::string_view name = process.comm.empty() ? last_name(process.exe) : process.comm;
  if (name.starts_with('-')) name.remove_prefix(1);
  return name;
}

// The agent of Jenkins is a program of an interpreter.
bool is_jenkins(const Ancestor& process) {
  return name_of(process) == "java" && (process.cmdline.find("agent.jar") != std::string::npos ||
                                        process.cmdline.find("remoting.jar") != std::string::npos);
}

Role role_of(const Ancestor& process) {
  const auto name = name_of(process);
  // 1 and 2 are the ancestors of all processes: init and kthreadd.
  if (process.pid == 1 || process.pid == 2 || is_in(kManagerNames, name) ||
      name.starts_with("runc:"))
    return Role::kManager;
  if (is_interactive_shell(process)) return Role::kPrompt;
  if (is_shell(process) || is_in(kWrapperNames, name)) return Role::kShell;
  if (is_in(kSwitchNames, name)) return Role::kSwitch;
  if (is_in(kLoginNames, name)) return Role::kLogin;
  if (is_in(kTerminalNames, name)) return Role::kTerminal;
  if (is_in(kSchedulerNames, name)) return Role::kScheduler;
  if (is_in(kAgentNames, name) || is_jenkins(process)) return Role::kAgent;
  if (is_in(kPackageManagerNames, name)) return Role::kPackageManager;
  if (is_in(kBuilderNames, name)) return Role::kBuilder;
  return Role::kProgram;
}

// Programs whose behaviour depends on their arguments.
bool runs_scripts(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames{"python", "perl", "ruby", "node",
                                                   "php",    "java", "lua",  "tclsh"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view each) { return name.starts_with(each); });
}

// Whether one is a fork of the other that runs the same program still. A daemon gives its workers
// titles of their own.
bool is_same_program(const Ancestor& a, const Ancestor& b) {
  if (a.exe.empty() || a.exe != b.exe) return false;
  const auto name = last_name(a.exe);
  return a.cmdline == b.cmdline || (!is_in(kShellNames, name) && !runs_scripts(name));
}

struct Place {
  std::size_t command = 0;
  std::size_t edge = 0;  // the innermost boundary
};

// The actor and its ancestors. Refers to the actor.
class Chain {
 public:
  explicit Chain(const Actor& actor) : self_(process_of(actor)), lineage_(actor.lineage) {
    roles_.reserve(size());
    for (std::size_t i = 0; i < size(); ++i) roles_.push_back(role_of(at(i)));
  }

  const Ancestor& at(std::size_t index) const { return index == 0 ? self_ : lineage_[index - 1]; }
  Role role(std::size_t index) const { return roles_[index]; }
  std::size_t size() const { return lineage_.size() + 1; }

  Place place() const {
    const auto edge = first_from(1, is_boundary);
    auto command = command_below(edge);
    while (command + 1 < edge && is_same_program(at(command), at(command + 1))) ++command;
    return {command, edge};
  }

 private:
  template <typename Test>
  std::size_t first_from(std::size_t index, Test test) const {
    while (index < size() && !test(role(index))) ++index;
    return index;
  }
  // `size()`: there is none.
  template <typename Test>
  std::size_t topmost_below(std::size_t end, Test test) const {
    for (auto index = end; index-- > 0;)
      if (test(role(index))) return index;
    return size();
  }

  std::size_t command_below(std::size_t edge) const {
    const auto within =
        first_from(1, [](Role role) { return is_boundary(role) && role != Role::kSwitch; });
    const auto manager =
        topmost_below(within, [](Role role) { return role == Role::kPackageManager; });
    if (manager < size()) return manager;
    const auto builder = topmost_below(edge, [](Role role) { return role == Role::kBuilder; });
    if (builder < size()) return builder;
    const bool is_service = edge == size() || role(edge) == Role::kManager;
    return is_service ? command_of_service(edge) : command_of_person(edge);
  }

  // The actor itself, if it is a shell and there are only shells above it.
  std::size_t command_of_person(std::size_t edge) const {
    const auto program = topmost_below(edge, [](Role role) { return role != Role::kShell; });
    return program < size() ? program : 0;
  }

  std::size_t command_of_service(std::size_t edge) const {
    const auto shell = first_from(1, [](Role role) { return role == Role::kShell; });
    if (shell < edge) return shell - 1;
    if (edge == size()) return edge - 1;  // the ancestors are not all known
    const auto main = edge - 1;
    auto command = main;
    while (command > 0 && is_same_program(at(command), at(main))) --command;
    return is_same_program(at(command), at(main)) ? main : command;
  }

  const Ancestor self_;
  const std::span<const Ancestor> lineage_;
  std::vector<Role> roles_;
};

// "bash /opt/maintenance.sh"
std::string link_text(const Ancestor& process, Role role) {
  if (role == Role::kScheduler || role == Role::kAgent || process.cmdline.empty())
    return std::string(name_of(process));
  const std::string_view line = process.cmdline;
  return std::string(line.substr(line.substr(0, line.find(' ')).rfind('/') + 1));
}

}  // namespace

bool is_shell(const Ancestor& process) {
  // A script can have its own name: the kernel names a process after the executed file.
  return is_in(kShellNames, name_of(process)) || is_in(kShellNames, last_name(process.exe));
}

bool is_interactive_shell(const Ancestor& process) {
  if (!is_in(kShellNames, name_of(process))) return false;
  std::string_view rest = process.cmdline;
  rest.remove_prefix(std::min(rest.find(' '), rest.size()));
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const auto argument = rest.substr(0, std::min(rest.find(' '), rest.size()));
    rest.remove_prefix(argument.size());
    if (argument.empty()) continue;
    const bool option = argument.front() == '-' || argument.front() == '+';
    const bool long_option = argument.starts_with("--");
    if (!option || (!long_option && argument.find('c') != std::string_view::npos)) return false;
    if (!long_option && argument.find('s') != std::string_view::npos) return true;
  }
  return true;
}

Ancestor process_of(const Actor& actor) {
  Ancestor self;
  self.pid = actor.pid.value_or(0);
  self.start_time = actor.start_time.value_or(0);
  self.comm = actor.comm.value_or("");
  self.exe = actor.exe.value_or("");
  self.cmdline = actor.cmdline.value_or("");
  self.cwd = actor.cwd.value_or("");
  return self;
}

void name_command(Actor& actor) {
  const Chain chain(actor);
  const auto command = chain.place().command;
  actor.command = chain.at(command);
  actor.via.clear();
  if (!actor.login_uid && actor.unit && actor.unit->ends_with(".service"))
    actor.via.push_back(*actor.unit);
  for (auto i = chain.size(); --i > command;) {
    const auto role = chain.role(i);
    if (role == Role::kManager || role == Role::kPrompt || role == Role::kLogin ||
        role == Role::kSwitch || role == Role::kTerminal)
      continue;
    auto text = link_text(chain.at(i), role);
    if (!text.empty() && (actor.via.empty() || actor.via.back() != text))
      actor.via.push_back(std::move(text));
  }
}

Ancestor origin_of(const Actor& actor) {
  const Chain chain(actor);
  const auto place = chain.place();
  return chain.at(std::max(place.command, place.edge - 1));
}

}  // namespace guard
