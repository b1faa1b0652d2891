#include "guardd/publish/advice.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "guardd/host/terminal_text.h"
#include "guardd/publish/container_advice.h"
#include "guardd/publish/phrases.h"
#include "guardd/who/command.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr std::size_t kLongestAdvice = 1'000;

// Empty: the account has no name, or one that a shell could misread.
std::string account_of(const std::string& name) {
  const bool is_number = name.find_first_not_of("0123456789") == std::string::npos;
  return is_plain_word(name) && !is_number ? name : "";
}

// What runs a command as the owner. sudo rejects users without a name.
std::string runner_for(const Violation& violation) {
  const auto user = account_of(violation.owner_wanted);
  if (!user.empty()) return "sudo -u " + user + ' ';
  return "sudo setpriv --reuid=" + std::to_string(violation.uid_wanted.value) +
         " --regid=" + std::to_string(violation.gid_wanted.value) + " --clear-groups ";
}

std::string name_for_advice(const Violation& violation, Uid uid) {
  return user_text(violation, uid, "uid " + std::to_string(uid.value));
}

bool is_relative(std::string_view word) {
  return !word.starts_with('/') && !word.starts_with('-');
}

// The command line, if a shell would read it as exactly these arguments.
std::optional<std::string> exact_line(const Ancestor& command) {
  const auto& line = command.cmdline;
  if (line.size() > kLongestAdvice || line.ends_with("…") || printable(line) != line)
    return std::nullopt;
  const auto words = shell_words(line);
  if (!words || words->empty()) return std::nullopt;
  const auto& program = words->front();
  // A title that a daemon has given itself is no command line.
  if (program.empty() || program.ends_with(':') || program.find('=') != std::string::npos ||
      program.starts_with('-'))
    return std::nullopt;
  return line;
}

// With such an option, a program goes to another directory than the one it was started in.
bool changes_directory(std::string_view word) {
  return word.starts_with("-C") || word.starts_with("--directory") || word.starts_with("--chdir");
}

// Empty: the directory is unknown or does not matter.
std::string needed_directory(const Ancestor& command) {
  const auto words = shell_words(command.cmdline);
  if (!words || command.cwd.empty() || printable(command.cwd) != command.cwd) return {};
  if (std::any_of(words->begin() + 1, words->end(), changes_directory)) return {};
  const auto& program = words->front();
  const auto names_no_place = [&] {  // "make", "git pull"
    return std::none_of(words->begin() + 1, words->end(),
                        [](std::string_view word) { return word.find('/') != word.npos; });
  };
  const bool matters = (is_relative(program) && program.find('/') != std::string::npos) ||
                       std::any_of(words->begin() + 1, words->end(), is_relative) ||
                       names_no_place();
  return matters ? command.cwd : "";
}

// Whether the unit runs nothing but this command and the script around it. An agent runs the
// commands of others, and may need its rights.
bool is_of_unit_alone(const Actor& actor) {
  const auto& unit = actor.unit;
  if (actor.login_uid || actor.cron_uid || actor.container || !unit ||
      !unit->ends_with(".service") || !is_plain_word(*unit) || unit->starts_with("user@"))
    return false;
  auto above = std::find_if(actor.lineage.begin(), actor.lineage.end(),
                            [&](const Ancestor& each) { return each.pid == actor.command.pid; });
  above = above == actor.lineage.end() ? actor.lineage.begin() : above + 1;
  return std::all_of(above, actor.lineage.end(),
                     [](const Ancestor& each) { return each.pid == 1 || is_shell(each); });
}

Advice advice_for_unit(const Violation& violation) {
  const auto& unit = *violation.actor->unit;
  const auto name_or = [](const std::string& name, std::uint32_t number) {
    return name.empty() ? std::to_string(number) : name;
  };
  const auto user = name_or(account_of(violation.owner_wanted), violation.uid_wanted.value);
  const auto group = name_or(account_of(violation.group_wanted), violation.gid_wanted.value);
  return {
      {"printf '[Service]\\nUser=" + user + "\\nGroup=" + group +
           "\\n' | sudo install -D -m 644 /dev/stdin /etc/systemd/system/" + unit + ".d/owner.conf",
       "sudo systemctl daemon-reload"},
      "for all of " + unit};
}

std::string prefix_for(const Violation& violation, const Ancestor& command) {
  const auto directory = needed_directory(command);
  if (violation.actor->container) return container_prefix(violation, directory);
  return (directory.empty() ? "" : "cd " + shell_word(directory) + " && ") + runner_for(violation);
}

// There is no alternative: only root can change owners or mount, root is the wanted owner, or the
// program has to be root. Without a command, do not suggest chown: another user controls the paths
// in the tree.
bool has_no_alternative(const Violation& violation) {
  const auto& actor = *violation.actor;
  return violation.uid_wanted == kRoot || violation.operation == Operation::kChown ||
         violation.operation == Operation::kMount || actor.label == word(Label::kPackageManager) ||
         actor.label == word(Label::kConfigManagement) ||
         (actor.container && !can_enter_container(actor));
}

template <typename Commands>
Advice advice_about(const Violation& violation, const Commands& commands) {
  if (has_no_alternative(violation) || commands.empty()) return {};
  if (is_of_unit_alone(*violation.actor)) return advice_for_unit(violation);
  Advice advice;
  bool is_shell_needed = false;
  for (const Ancestor& command : commands) {
    if (advice.commands.size() == Advice::kMost) break;
    const auto line = exact_line(command);
    if (line && !is_interactive_shell(command))
      advice.commands.push_back(prefix_for(violation, command) + *line);
    else if (!command.comm.empty() || !command.cmdline.empty())
      is_shell_needed = true;
  }
  if (is_shell_needed && advice.commands.size() < Advice::kMost) {
    // The shell itself wrote the file, or its command is not known exactly.
    if (violation.actor->container)
      advice.commands.push_back(container_prefix(violation, {}, "-it ") + "sh");
    else if (is_plain_word(violation.policy))
      advice.commands.push_back("guardctl exec " + violation.policy + " -- sh");
    advice.remark = "then repeat the command";
  } else if (violation.actor->cron_uid) {
    advice.remark = "in the crontab";
  }
  return advice;
}

}  // namespace

std::string Advice::text() const {
  std::string text;
  for (const auto& each : commands) text += (text.empty() ? "" : "\n") + each;
  return text.empty() || remark.empty() ? text : text + "  # " + remark;
}

Advice advice_for(const Violation& violation) {
  return advice_about(violation, std::vector{violation.actor->command});
}

Advice advice_for(const Incident& incident) {
  std::vector<Ancestor> commands;
  for (const auto& each : incident.commands) commands.push_back(each.command);
  if (commands.empty()) commands.push_back(incident.first.actor->command);
  return advice_about(incident.first, commands);
}

std::string who_text(const Violation& violation) {
  const auto& actor = *violation.actor;
  const auto acting = actor.fsuid ? actor.fsuid : actor.euid;
  const auto as = [&] {
    return acting ? " as " + name_for_advice(violation, *acting) : std::string();
  };
  if (actor.human) return escaped(*actor.human) + as();
  if (actor.login_uid) {
    if (acting == actor.login_uid && !actor.login_user) return name_for_advice(violation, *acting);
    auto login = actor.login_user ? escaped(*actor.login_user)
                                  : name_for_advice(violation, *actor.login_uid);
    // A login as root identifies no person; the remote host is the only hint.
    if (*actor.login_uid == kRoot && actor.session_remote_host)
      login += " from " + escaped(*actor.session_remote_host);
    return acting == actor.login_uid ? login : login + as();
  }
  if (actor.container_name) {
    const auto& there = violation.user_in_container;
    const bool is_known = there.empty() || !acting || actor.fsuid_name || *acting == kRoot;
    return container_text(actor) + as() +
           (is_known ? "" : " (" + escaped(there) + " in the container)");
  }
  if (actor.unit) return escaped(*actor.unit) + as();
  if (acting) return name_for_advice(violation, *acting);
  return "an unknown process";
}

std::string command_text(const Ancestor& command) {
  if (!command.cmdline.empty()) return escaped(command.cmdline);
  if (!command.comm.empty()) return escaped(command.comm);
  return escaped(command.exe);
}

std::string commands_text(const Incident& incident, std::size_t columns) {
  const auto more = incident.commands.size() - std::min<std::size_t>(incident.commands.size(), 1);
  const bool are_all = incident.commands.size() < Incident::kMostCommands;
  const auto rest = more == 0 ? std::string()
                    : are_all ? " and " + counted(more, "more command", "more commands")
                              : " and more commands";
  return shortened(command_text(incident.command),
                   columns - std::min(columns - 1, columns_of(rest))) +
         rest;
}

std::string via_text(const Actor& actor) {
  std::string text;
  for (const auto& each : actor.via) text += (text.empty() ? "" : " › ") + escaped(each);
  return text;
}

}  // namespace guard
