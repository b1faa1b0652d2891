// The users and groups of this machine, through NSS. Lookups can wait for a directory service: they
// are for loading policies and for guardctl, never for a decision.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/lookup.h"

namespace guard {

// Whether no other account is in the group, as far as the local accounts and the group itself tell.
// A group without an entry may have any members.
bool is_alone_in(const std::string& account, Gid group);

// The groups that a process of this account would have.
std::vector<Gid> groups_of(const Account& account);

class SystemUsers : public Users {
 public:
  Result<std::optional<Account>> user(const std::string& name) const override;
  Result<std::optional<Account>> user(Uid uid) const override;
  Result<std::optional<Gid>> group(const std::string& name) const override;
  Result<std::optional<std::string>> group_name(Gid gid) const override;
  std::vector<Gid> groups_of(const Account& account) const override {
    return guard::groups_of(account);
  }
  bool is_alone_in(const std::string& account, Gid group) const override {
    return guard::is_alone_in(account, group);
  }
  std::vector<std::string> user_names() const override;
  std::vector<std::string> group_names() const override;
};

// The users of this file. Never asks a directory service, so it never hangs.
inline constexpr const char* kAccountsFile = "/etc/passwd";
std::optional<std::string> local_user_name(Uid user, const std::string& accounts = kAccountsFile);
inline constexpr const char* kGroupsFile = "/etc/group";
std::optional<std::string> local_group_name(Gid group, const std::string& groups = kGroupsFile);
std::set<std::string> local_users(const std::set<std::string>& names);  // those of these names

// The entries of a text like /etc/passwd or /etc/group; lines that are not entries are skipped.
std::vector<Account> accounts_in(std::string_view text);
std::vector<std::pair<std::string, Gid>> groups_in(std::string_view text);

std::optional<std::string> user_name(Uid uid);
std::optional<std::string> group_name(Gid gid);

// "shop:www-data", with numbers in the place of missing names.
std::string owner_name(Uid uid, Gid gid);

}  // namespace guard
