// Names of users and groups → numbers, each asked for once a load however many policies say it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "policy/diagnostic.h"
#include "policy/draft.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard {

struct KnownUser {
  Known<Uid> user;
  std::optional<Gid> primary;  // unknown for a number without an account
  std::string why_no_primary;
};

class Names {
 public:
  Names(const Users& users, Diagnostics& diagnostics) : users_(users), diagnostics_(diagnostics) {}

  // Nothing means that the reason was reported. `key` is the key that names the user, for messages.
  std::optional<KnownUser> user(std::string_view key, const Setting<Principal>& said);
  std::optional<Known<Gid>> group(std::string_view key, const Setting<Principal>& said);
  // The group of this number, by its name if it has one.
  Known<Gid> group(Gid gid);

 private:
  template <typename T>
  using Answers = std::unordered_map<std::string, Result<std::optional<T>>>;

  const Users& users_;
  Diagnostics& diagnostics_;
  Answers<Account> users_by_name_;
  Answers<Account> users_by_number_;
  Answers<Gid> groups_by_name_;
  std::unordered_map<std::uint32_t, std::string> group_names_;
};

}  // namespace guard
