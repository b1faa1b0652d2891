// The accounts of a machine that is not running: those in its /etc/passwd and /etc/group.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "policy/lookup.h"

namespace guard::machine {

class AccountFiles : public Users {
 public:
  // The texts of the two files; one that could not be read has no entries.
  AccountFiles(const Result<std::string>& passwd, const Result<std::string>& group);

  Result<std::optional<Account>> user(const std::string& name) const override;
  Result<std::optional<Account>> user(Uid uid) const override;
  Result<std::optional<Gid>> group(const std::string& name) const override;
  Result<std::optional<std::string>> group_name(Gid gid) const override;
  std::vector<std::string> user_names() const override;
  std::vector<std::string> group_names() const override;

 private:
  std::vector<Account> accounts_;
  std::vector<std::pair<std::string, Gid>> groups_;
};

}  // namespace guard::machine
