#include "guardd/host/remembered_users.h"

#include <algorithm>
#include <sstream>

namespace guard {
namespace {

template <typename Value>
using Answer = Result<std::optional<Value>>;

template <typename Value>
bool has_value(const Answer<Value>& answer) {
  return answer && *answer;
}

template <typename Value>
std::optional<Value> found(const std::map<std::string, Value>& known, const std::string& name) {
  const auto at = known.find(name);
  return at == known.end() ? std::nullopt : std::optional(at->second);
}

std::optional<Account> user_called(const KnownAccounts& known, Uid uid) {
  for (const auto& [name, account] : known.users)
    if (account.uid == uid) return account;
  return std::nullopt;
}

std::optional<std::string> name_of_group(const KnownAccounts& known, Gid gid) {
  for (const auto& [name, group] : known.groups)
    if (group == gid) return name;
  return std::nullopt;
}

// The answer, or else what is known.
template <typename Value>
Answer<Value> or_known(Answer<Value> answer, std::optional<Value> known) {
  if (has_value(answer) || !known) return answer;
  return known;
}

}  // namespace

std::string KnownAccounts::text() const {
  std::ostringstream out;
  for (const auto& [name, user] : users)
    out << "user " << user.uid.value << ' ' << user.gid.value << ' ' << name << '\n';
  for (const auto& [name, gid] : groups) out << "group " << gid.value << ' ' << name << '\n';
  for (const auto& [name, gids] : memberships)
    for (const auto gid : gids) out << "member " << gid.value << ' ' << name << '\n';
  for (const auto& [name, gids] : alone)
    for (const auto gid : gids) out << "alone " << gid.value << ' ' << name << '\n';
  return out.str();
}

KnownAccounts KnownAccounts::parse(std::string_view text) {
  KnownAccounts known;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind;
    std::string name;
    Uid uid;
    Gid gid;
    words >> kind;
    if (kind == "user") words >> uid.value;
    if (!(words >> gid.value) || !words.ignore(1) || !std::getline(words, name)) continue;
    if (kind == "user") known.users[name] = {name, uid, gid};
    if (kind == "group") known.groups[name] = gid;
    if (kind == "member") known.memberships[name].push_back(gid);
    if (kind == "alone") known.alone[name].push_back(gid);
  }
  return known;
}

// ---- RecordedUsers

Result<std::optional<Account>> RecordedUsers::user(const std::string& name) const {
  auto answer = users_.user(name);
  if (has_value(answer)) known_.users[name] = **answer;
  return answer;
}

Result<std::optional<Account>> RecordedUsers::user(Uid uid) const {
  auto answer = users_.user(uid);
  if (has_value(answer)) known_.users[(*answer)->name] = **answer;
  return answer;
}

Result<std::optional<Gid>> RecordedUsers::group(const std::string& name) const {
  auto answer = users_.group(name);
  if (has_value(answer)) known_.groups[name] = **answer;
  return answer;
}

Result<std::optional<std::string>> RecordedUsers::group_name(Gid gid) const {
  auto answer = users_.group_name(gid);
  if (has_value(answer)) known_.groups[**answer] = gid;
  return answer;
}

std::vector<Gid> RecordedUsers::groups_of(const Account& account) const {
  return known_.memberships[account.name] = users_.groups_of(account);
}

bool RecordedUsers::is_alone_in(const std::string& account, Gid group) const {
  const bool is_alone = users_.is_alone_in(account, group);
  if (is_alone) known_.alone[account].push_back(group);
  return is_alone;
}

// ---- KnownUsers

Result<std::optional<Account>> KnownUsers::user(const std::string& name) const {
  return found(known_.users, name);
}

Result<std::optional<Account>> KnownUsers::user(Uid uid) const {
  return user_called(known_, uid);
}

Result<std::optional<Gid>> KnownUsers::group(const std::string& name) const {
  return found(known_.groups, name);
}

Result<std::optional<std::string>> KnownUsers::group_name(Gid gid) const {
  return name_of_group(known_, gid);
}

std::vector<Gid> KnownUsers::groups_of(const Account& account) const {
  return found(known_.memberships, account.name).value_or(std::vector<Gid>());
}

bool KnownUsers::is_alone_in(const std::string& account, Gid group) const {
  const auto groups = found(known_.alone, account).value_or(std::vector<Gid>());
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

// ---- RememberedUsers

Result<std::optional<Account>> RememberedUsers::user(const std::string& name) const {
  return or_known(users_.user(name), found(known_.users, name));
}

Result<std::optional<Account>> RememberedUsers::user(Uid uid) const {
  return or_known(users_.user(uid), user_called(known_, uid));
}

Result<std::optional<Gid>> RememberedUsers::group(const std::string& name) const {
  return or_known(users_.group(name), found(known_.groups, name));
}

Result<std::optional<std::string>> RememberedUsers::group_name(Gid gid) const {
  return or_known(users_.group_name(gid), name_of_group(known_, gid));
}

}  // namespace guard
