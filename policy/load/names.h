// Resolves the names of users and groups, each once per load, however many policies use it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/diagnostic.h"
#include "policy/draft.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard {

struct ResolvedUser {
  NamedId<Uid> user;
  std::optional<Gid> primary;  // unknown for a number without an account
  std::string why_no_primary;
  std::vector<Gid> groups;
};

class Names {
 public:
  Names(const Users& users, Diagnostics& diagnostics) : users_(users), diagnostics_(diagnostics) {}

  // Empty: the reason was reported. `key` is the policy key that contains the name, for messages.
  std::optional<ResolvedUser> user(std::string_view key, const Setting<Principal>& said);
  std::optional<NamedId<Gid>> group(std::string_view key, const Setting<Principal>& said);
  // The group with this number, with its name if it has one.
  NamedId<Gid> group(Gid gid);
  bool is_alone_in(const std::string& account, Gid group);

 private:
  template <typename T>
  using Answers = std::unordered_map<std::string, Result<std::optional<T>>>;

  const Users& users_;
  Diagnostics& diagnostics_;
  Answers<Account> users_by_name_;
  Answers<Account> users_by_number_;
  Answers<Gid> groups_by_name_;
  std::unordered_map<std::string, std::vector<Gid>> groups_of_;  // by account
  std::unordered_map<std::uint32_t, std::string> group_names_;
  std::unordered_map<std::string, bool> is_alone_;  // by account and group
};

}  // namespace guard
