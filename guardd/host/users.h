// Users as the machine knows them, through NSS. May wait for a directory service: for loading
// policies and for commands, never for deciding.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "policy/lookup.h"

namespace guard {

class SystemUsers : public Users {
 public:
  Result<std::optional<Account>> user(const std::string& name) const override;
  Result<std::optional<Account>> user(Uid uid) const override;
  Result<std::optional<Gid>> group(const std::string& name) const override;
  Result<std::optional<std::string>> group_name(Gid gid) const override;
  std::vector<std::string> user_names() const override;
  std::vector<std::string> group_names() const override;
};

inline constexpr const char* kAccountsFile = "/etc/passwd";

// Whom of these the machine's own file names; of the others nothing is said.
std::set<std::string> local_users(const std::set<std::string>& names);

// The groups a process of this account would have.
std::vector<Gid> groups_of(const Account& account);

}  // namespace guard
