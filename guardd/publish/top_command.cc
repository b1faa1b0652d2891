#include "guardd/publish/top_command.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace guard {
namespace {

// Process names in the kernel have at most 15 bytes.
constexpr std::array kShells{"ash",  "bash", "csh", "dash", "fish",  "ksh",
                             "mksh", "nu",   "sh",  "tcsh", "xonsh", "zsh"};

// Programs through which users and units start commands.
constexpr std::array kLaunchers{
    // service managers and logins
    "systemd", "init", "(sd-pam)", "(systemd)", "sshd", "sshd-session", "dropbear", "login",
    "agetty",
    // changes of user, and jobs
    "su", "sudo", "sudo-rs", "doas", "pkexec", "run0", "runuser", "cron", "crond", "atd", "anacron",
    // terminals and containers
    "tmux", "tmux: server", "screen", "SCREEN", "script", "mosh-server", "xterm", "gnome-terminal-",
    "konsole", "kitty", "alacritty", "containerd-shim", "conmon", "dockerd"};

template <typename Names>
bool has(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_launcher(const Ancestor& process) {
  // 1 and 2 are the ancestors of all processes: init and kthreadd.
  return process.pid == 1 || process.pid == 2 || has(kLaunchers, process.comm) ||
         is_interactive_shell(process);
}

}  // namespace

bool is_interactive_shell(const Ancestor& process) {
  std::string_view name = process.comm;
  if (name.starts_with('-')) name.remove_prefix(1);
  // A script has its own name: the kernel names a process after the executed file, not its
  // interpreter.
  if (!has(kShells, name)) return false;
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
  }
  return true;
}

Ancestor top_command(const Actor& actor) {
  Ancestor top;
  top.pid = actor.pid.value_or(0);
  top.start_time = actor.start_time.value_or(0);
  top.comm = actor.comm.value_or("");
  top.exe = actor.exe.value_or("");
  top.cmdline = actor.cmdline.value_or("");
  for (const auto& above : actor.lineage) {
    if (is_launcher(above)) break;
    top = above;
  }
  return top;
}

}  // namespace guard
