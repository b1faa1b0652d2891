#include "guardd/ctl/doctor/names.h"

#include <map>
#include <set>

#include "policy/base/text.h"

namespace guard::doctor {
namespace {

using Names = std::vector<std::string>;

// A name in a policy, and where it is said first.
struct Named {
  std::string policy;
  std::string key;
  Place place;
};

struct Wanted {
  std::map<std::string, Named> users;
  std::map<std::string, Named> groups;
};

void note(std::map<std::string, Named>& names, const Optional<Principal>& said,
          const std::string& policy, const char* key) {
  if (!said) return;
  if (const auto* name = std::get_if<std::string>(&said->value))
    names.emplace(*name, Named{policy, key, said->place});
}

Wanted names_in(const PolicySet& set) {
  Wanted wanted;
  for (const auto& policy : set.policies()) {
    const auto& said = policy.said;
    const auto& name = policy.name();
    note(wanted.users, said.owner, name, "owner");
    note(wanted.groups, said.group, name, "group");
    for (const auto& each : policy.rules) {
      const auto& rule = each.said;
      note(wanted.users, rule.owner, name, "owner");
      note(wanted.groups, rule.group, name, "group");
    }
    for (const auto& each : policy.allows) {
      const auto& allow = each.said;
      note(wanted.users, allow.user, name, "user");
      note(wanted.groups, allow.group, name, "group");
      note(wanted.users, allow.login, name, "login");
    }
  }
  return wanted;
}

// The first column of /etc/passwd or /etc/group, with the third.
Result<std::map<std::string, std::string>> local(const Machine& machine, const char* path) {
  GUARD_TRY(const auto lines, machine.lines(path));
  std::map<std::string, std::string> entries;
  for (const auto& line : lines) {
    const auto name = line.find(':');
    const auto secret = name == std::string::npos ? name : line.find(':', name + 1);
    if (secret == std::string::npos) continue;
    entries.emplace(line.substr(0, name),
                    line.substr(secret + 1, line.find(':', secret + 1) - secret - 1));
  }
  return entries;
}

// What nsswitch.conf says of passwd or group, without what is here in any case.
Names services(const Machine& machine, const std::string& database) {
  const auto lines = machine.lines("/etc/nsswitch.conf");
  Names found;
  if (!lines) return found;
  for (const auto& line : *lines) {
    auto words = words_of(line.substr(0, line.find('#')));
    if (words.empty() || words.front() != database + ':') continue;
    for (std::size_t i = 1; i < words.size(); ++i)
      if (words[i] != "files" && words[i] != "compat" && !words[i].starts_with('['))
        found.push_back(words[i]);
  }
  return found;
}

class Look {
 public:
  Look(const Machine& machine, const PolicySet& set, Group& group)
      : machine_(machine), set_(set), group_(group) {}

  // number_of(name): what all services together say; the error where none of them answers.
  template <typename NumberOf>
  void at(const std::map<std::string, Named>& names, const char* database, const char* file,
          NumberOf number_of) {
    const auto entries = local(machine_, file);
    if (!entries) return group_.skip(database, file, entries.error());
    for (const auto& [name, said] : names) {
      ++looked_up_;
      const auto begun = std::chrono::steady_clock::now();
      const Result<std::optional<std::uint32_t>> number = number_of(name);
      const auto took = std::chrono::steady_clock::now() - begun;
      if (took > slowest_) {
        slowest_ = took;
        slowest_name_ = name;
      }
      if (!entries->contains(name)) tell(name, said, services(machine_, database), number);
    }
  }

  std::size_t looked_up_ = 0;
  std::size_t told_ = 0;
  std::chrono::steady_clock::duration slowest_{};
  std::string slowest_name_;

 private:
  void tell(const std::string& name, const Named& said, const Names& from,
            const Result<std::optional<std::uint32_t>>& number) {
    ++told_;
    const auto what = said.key + ' ' + quote(name) + " of policy " + said.policy;
    const auto place = set_.files()[said.place.file] + ':' + std::to_string(said.place.line);
    const auto title = "name " + name;
    if (!number)
      return group_.fail(title, what + " cannot be looked up: " + number.error().text(),
                         "guardd refuses a policy whose owner it cannot look up",
                         "write its number in " + place);
    if (!*number)
      return group_.fail(title, what + " is not known",
                         "guardd refuses a policy whose owner it cannot look up",
                         "create it, or write its number in " + place);
    group_.warn(title,
                what + " is not in this machine's own files, but comes from " +
                    (from.empty() ? "elsewhere" : listed(from)),
                "guardd starts before directory services and the network, and cannot look it up "
                "at boot",
                "write in " + place + ": " + said.key + " = " + std::to_string(**number));
  }

  const Machine& machine_;
  const PolicySet& set_;
  Group& group_;
};

}  // namespace

Checks names_checks(const Machine& machine, const PolicySet& set, const Users& users,
                    std::chrono::milliseconds slow) {
  using Number = Result<std::optional<std::uint32_t>>;
  Group group("names");
  Look look(machine, set, group);
  const auto names = names_in(set);
  look.at(names.users, "passwd", "/etc/passwd", [&](const std::string& name) -> Number {
    const auto account = users.user(name);
    if (!account) return account.error();
    return *account ? std::optional((*account)->uid.value) : std::nullopt;
  });
  look.at(names.groups, "group", "/etc/group", [&](const std::string& name) -> Number {
    const auto found = users.group(name);
    if (!found) return found.error();
    return *found ? std::optional((*found)->value) : std::nullopt;
  });
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(look.slowest_);
  if (look.told_ == 0 && group.is_empty())
    group.ok("names", look.looked_up_ == 0
                          ? "policies name nobody but by number"
                          : "all names in policies are in this machine's own files");
  if (took > slow)
    group.warn("time",
               "looking up " + quote(look.slowest_name_) + " takes " +
                   std::to_string(took.count()) + " ms",
               "guardd waits for it at each start and reload",
               "put files first in /etc/nsswitch.conf, or name it by number");
  return group.take();
}

}  // namespace guard::doctor
