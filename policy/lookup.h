// Interfaces through which the policy library reads the machine: user names (NSS) and the objects
// at paths. Used only while policies are loaded. Tests provide their own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/result.h"
#include "policy/words.h"

namespace guard {

struct Account {
  std::string name;
  Uid uid;
  Gid gid;  // the primary group
};

// An error: the lookup failed, for example because a directory service is down. An empty optional:
// there is no such user or group.
class Users {
 public:
  Users() = default;
  Users(const Users&) = delete;
  Users& operator=(const Users&) = delete;
  virtual ~Users() = default;

  virtual Result<std::optional<Account>> user(const std::string& name) const = 0;
  virtual Result<std::optional<Account>> user(Uid uid) const = 0;
  virtual Result<std::optional<Gid>> group(const std::string& name) const = 0;
  virtual Result<std::optional<std::string>> group_name(Gid gid) const = 0;
  // The groups that a process of this account has, as far as they are known.
  virtual std::vector<Gid> groups_of(const Account& account) const { return {account.gid}; }
  // Whether it is certain that no other account is in the group.
  virtual bool is_alone_in(const std::string& /*account*/, Gid /*group*/) const { return false; }

  // For "did you mean" suggestions; local names are enough.
  virtual std::vector<std::string> user_names() const = 0;
  virtual std::vector<std::string> group_names() const = 0;
};

// The object at a path: a symbolic link itself, not its target.
struct PathFacts {
  FileType type = FileType::kRegular;
  InodeId id;
  Uid uid;
  Gid gid;
  Mode mode;
  std::uint64_t links = 1;
  std::string filesystem;  // "ext4"; empty if unknown
  bool can_chown = true;   // false for file systems without owners, such as vfat
  bool read_only = false;
  bool is_script = false;  // begins with "#!"; set only by look_through()
};

class Files {
 public:
  Files() = default;
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  virtual ~Files() = default;

  virtual Result<std::optional<PathFacts>> look(const std::string& path) const = 0;
  // The same, but follows symbolic links.
  virtual Result<std::optional<PathFacts>> look_through(const std::string& path) const = 0;
};

}  // namespace guard
