#include "guardd/publish/advice.h"

#include <string_view>

#include "guardd/publish/phrases.h"
#include "guardd/publish/top_command.h"
#include "policy/base/text.h"

namespace guard {
namespace {

std::string_view first_word(std::string_view text) {
  return text.substr(0, text.find(' '));
}

std::string user_of(const Violation& violation) {
  const auto& name = violation.owner_wanted;
  const bool is_number = name.find_first_not_of("0123456789") == std::string::npos;
  if (is_plain_word(name) && !is_number) return name;
  return "'#" + std::to_string(violation.uid_wanted.value) + "'";
}

std::string name_for_advice(const Violation& violation, Uid uid) {
  return user_text(violation, uid, "user " + std::to_string(uid.value));
}

}  // namespace

Advice advice_for(const Violation& violation, const Ancestor& command) {
  constexpr std::size_t kWorthTyping = 120;
  const auto& actor = violation.actor;
  // There is no alternative: only root can change owners or mount, and root is the wanted owner.
  if (violation.uid_wanted == kRoot || violation.operation == Operation::kChown ||
      violation.operation == Operation::kMount)
    return {};
  // The command is unknown. Do not suggest chown: another user controls the paths in the tree.
  if (command.comm.empty() && command.cmdline.empty()) return {};
  const auto sudo = "sudo -u " + user_of(violation);
  if (!actor.login_uid && actor.unit) {
    if (!is_plain(*actor.unit)) return {};
    return {"systemctl edit " + *actor.unit, "with [Service] User=" + user_of(violation)};
  }
  if (is_interactive_shell(command)) return {sudo + " -s", "then repeat the command"};
  // Only plain text can be repeated exactly: the arguments are known as one text without quotes.
  if (is_plain(command.cmdline) && command.cmdline.size() <= kWorthTyping)
    return {sudo + ' ' + command.cmdline, ""};
  const auto name = first_word(command.cmdline.empty() ? command.comm : command.cmdline);
  if (!is_plain(name)) return {sudo + " -s", "then repeat the command"};
  return {sudo + ' ' + std::string(name), "with the same arguments"};
}

std::string who_text(const Violation& violation) {
  const auto& actor = violation.actor;
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
  if (actor.unit) return escaped(*actor.unit) + as();
  if (acting) return name_for_advice(violation, *acting);
  return violation.operation == Operation::kScan ? "found by a scan" : "an unknown process";
}

std::string command_text(const Ancestor& command) {
  if (!command.cmdline.empty()) return escaped(command.cmdline);
  if (!command.comm.empty()) return escaped(command.comm);
  return escaped(command.exe);
}

}  // namespace guard
