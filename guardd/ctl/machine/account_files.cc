#include "guardd/ctl/machine/account_files.h"

#include <optional>

#include "guardd/host/users.h"

namespace guard::machine {

AccountFiles::AccountFiles(const Result<std::string>& passwd, const Result<std::string>& group) {
  if (passwd) accounts_ = accounts_in(*passwd);
  if (group) groups_ = groups_in(*group);
}

Result<std::optional<Account>> AccountFiles::user(const std::string& name) const {
  for (const auto& account : accounts_)
    if (account.name == name) return std::optional(account);
  return std::optional<Account>();
}

Result<std::optional<Account>> AccountFiles::user(Uid uid) const {
  for (const auto& account : accounts_)
    if (account.uid == uid) return std::optional(account);
  return std::optional<Account>();
}

Result<std::optional<Gid>> AccountFiles::group(const std::string& name) const {
  for (const auto& [known, gid] : groups_)
    if (known == name) return std::optional(gid);
  return std::optional<Gid>();
}

Result<std::optional<std::string>> AccountFiles::group_name(Gid gid) const {
  for (const auto& [name, known] : groups_)
    if (known == gid) return std::optional(name);
  return std::optional<std::string>();
}

std::vector<std::string> AccountFiles::user_names() const {
  std::vector<std::string> names;
  for (const auto& account : accounts_) names.push_back(account.name);
  return names;
}

std::vector<std::string> AccountFiles::group_names() const {
  std::vector<std::string> names;
  for (const auto& [name, gid] : groups_) names.push_back(name);
  return names;
}

}  // namespace guard::machine
