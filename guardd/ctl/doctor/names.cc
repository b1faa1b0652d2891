#include <map>

#include "guardd/ctl/doctor/checks.h"
#include "guardd/ctl/machine/account_files.h"
#include "guardd/ctl/machine/config_lines.h"
#include "policy/base/text.h"

namespace guard::doctor {
namespace {

using Names = std::vector<std::string>;

// A name in a policy, and where it occurs first.
struct Mention {
  std::string policy;
  std::string key;
  Place place;
};

struct MentionedNames {
  std::map<std::string, Mention> users;
  std::map<std::string, Mention> groups;
};

void add(std::map<std::string, Mention>& names, const Optional<Principal>& said,
         const std::string& policy, const char* key) {
  if (!said) return;
  if (const auto* name = std::get_if<std::string>(&said->value))
    names.emplace(*name, Mention{policy, key, said->place});
}

MentionedNames names_in(const PolicySet& set) {
  MentionedNames names;
  for (const auto& policy : set.policies()) {
    const auto& said = policy.said;
    const auto& name = policy.name();
    add(names.users, said.owner, name, "owner");
    add(names.groups, said.group, name, "group");
    for (const auto& each : policy.rules) {
      const auto& rule = each.said;
      add(names.users, rule.owner, name, "owner");
      add(names.groups, rule.group, name, "group");
    }
    for (const auto& each : policy.allows) {
      const auto& allow = each.said;
      add(names.users, allow.user, name, "user");
      add(names.groups, allow.group, name, "group");
      add(names.users, allow.login, name, "login");
    }
  }
  return names;
}

// The services for passwd or group in nsswitch.conf, other than local files.
Names services(const Machine& machine, const std::string& database) {
  const auto lines = machine.lines("/etc/nsswitch.conf");
  Names found;
  if (!lines) return found;
  for (const auto& line : *lines) {
    auto words = machine::words_of(line.substr(0, line.find('#')));
    if (words.empty() || words.front() != database + ':') continue;
    for (std::size_t i = 1; i < words.size(); ++i)
      if (words[i] != "files" && words[i] != "compat" && !words[i].starts_with('['))
        found.push_back(words[i]);
  }
  return found;
}

using Number = Result<std::optional<std::uint32_t>>;

Number user_number(const Users& users, const std::string& name) {
  GUARD_TRY(const auto account, users.user(name));
  return account ? std::optional(account->uid.value) : std::nullopt;
}

Number group_number(const Users& users, const std::string& name) {
  GUARD_TRY(const auto group, users.group(name));
  return group ? std::optional(group->value) : std::nullopt;
}

class NameChecker {
 public:
  NameChecker(const Machine& machine, const PolicySet& set, const Users& users, Group& group)
      : machine_(machine), set_(set), users_(users), group_(group) {}

  void check(const std::map<std::string, Mention>& names, const char* database, const char* file,
             Number (*number_of)(const Users&, const std::string&)) {
    const auto text = machine_.text(file);
    if (!text) return group_.skip(database, file, text.error());
    const machine::AccountFiles local(text, text);
    for (const auto& [name, mention] : names) {
      ++looked_up_;
      const auto begun = std::chrono::steady_clock::now();
      const auto number = number_of(users_, name);
      const auto took = std::chrono::steady_clock::now() - begun;
      if (took > slowest_) {
        slowest_ = took;
        slowest_name_ = name;
      }
      const auto here = number_of(local, name);
      if (!here || !*here) report(name, mention, services(machine_, database), number);
    }
  }

  std::size_t looked_up_ = 0;
  std::size_t reported_ = 0;
  std::chrono::steady_clock::duration slowest_{};
  std::string slowest_name_;

 private:
  void report(const std::string& name, const Mention& mention, const Names& from,
              const Number& number) {
    constexpr const char* kWhyRejected = "guardd rejects a policy whose owner it cannot look up";
    ++reported_;
    const auto what = mention.key + ' ' + quote(name) + " of policy " + mention.policy;
    const auto place = set_.files()[mention.place.file] + ':' + std::to_string(mention.place.line);
    const auto title = "name " + name;
    if (!number)
      return group_.fail(title, what + " cannot be looked up: " + number.error().text(),
                         kWhyRejected, "write its number in " + place);
    if (!*number)
      return group_.fail(title, what + " does not exist", kWhyRejected,
                         "create it, or write its number in " + place);
    group_.warn(title,
                what + " is not in this machine's own files, but comes from " +
                    (from.empty() ? "elsewhere" : listed(from)),
                "guardd starts before directory services and the network, so it cannot look up "
                "the name at boot",
                "write in " + place + ": " + mention.key + " = " + std::to_string(**number));
  }

  const Machine& machine_;
  const PolicySet& set_;
  const Users& users_;
  Group& group_;
};

}  // namespace

Checks names_checks(const Machine& machine, const PolicySet& set, const Users& users,
                    std::chrono::milliseconds slow) {
  Group group("names");
  NameChecker checker(machine, set, users, group);
  const auto names = names_in(set);
  checker.check(names.users, "passwd", "/etc/passwd", user_number);
  checker.check(names.groups, "group", "/etc/group", group_number);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(checker.slowest_);
  if (checker.reported_ == 0 && group.is_empty())
    group.ok("names", checker.looked_up_ == 0
                          ? "policies name users and groups by number only"
                          : "all names in policies are in this machine's own files");
  if (took > slow)
    group.warn("time",
               "looking up " + quote(checker.slowest_name_) + " takes " +
                   std::to_string(took.count()) + " ms",
               "guardd waits for this at each start and reload",
               "put files first in /etc/nsswitch.conf, or name the account by number");
  return group.take();
}

}  // namespace guard::doctor
