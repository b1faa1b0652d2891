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

// The answer, or else what is known under this name.
template <typename Value>
Answer<Value> or_known(Answer<Value> answer, const std::map<std::string, Value>& known,
                       const std::string& name) {
  const auto found = known.find(name);
  if (has_value(answer) || found == known.end()) return answer;
  return std::optional(found->second);
}

}  // namespace

std::string KnownAccounts::text() const {
  std::ostringstream out;
  for (const auto& [name, user] : users)
    out << "user " << user.uid.value << ' ' << user.gid.value << ' ' << name << '\n';
  for (const auto& [name, gid] : groups) out << "group " << gid.value << ' ' << name << '\n';
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

// ---- RememberedUsers

Result<std::optional<Account>> RememberedUsers::user(const std::string& name) const {
  return or_known(users_.user(name), known_.users, name);
}

Result<std::optional<Account>> RememberedUsers::user(Uid uid) const {
  auto answer = users_.user(uid);
  if (has_value(answer)) return answer;
  for (const auto& [name, known] : known_.users)
    if (known.uid == uid) return std::optional(known);
  return answer;
}

Result<std::optional<Gid>> RememberedUsers::group(const std::string& name) const {
  return or_known(users_.group(name), known_.groups, name);
}

Result<std::optional<std::string>> RememberedUsers::group_name(Gid gid) const {
  auto answer = users_.group_name(gid);
  if (has_value(answer)) return answer;
  for (const auto& [name, known] : known_.groups)
    if (known == gid) return std::optional(name);
  return answer;
}

}  // namespace guard
