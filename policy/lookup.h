// What the policy library must ask the machine for, and asks through here only, at load and never
// later: who exists (NSS), and what stands at a path. Tests answer themselves.
#pragma once

#include <optional>
#include <string>
#include <string_view>
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

// An error means that nobody could be asked (a directory service is down); an empty optional that
// the answer is no.
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

  // For "did you mean": the local ones are enough.
  virtual std::vector<std::string> user_names() const = 0;
  virtual std::vector<std::string> group_names() const = 0;
};

// What stands at a path; a symbolic link itself, not where it leads.
struct PathFacts {
  FileType type = FileType::kRegular;
  InodeId id;
  Uid uid;
  Gid gid;
  Mode mode;
  std::uint64_t links = 1;
  std::string filesystem;  // "ext4"; empty where it is not known
  bool can_chown = true;   // false for vfat and the like, which have no owners to change
  bool read_only = false;
  bool is_script = false;  // begins with "#!"; only look_through() finds out
};

class Files {
 public:
  Files() = default;
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  virtual ~Files() = default;

  virtual Result<std::optional<PathFacts>> look(const std::string& path) const = 0;
  // The same, through symbolic links.
  virtual Result<std::optional<PathFacts>> look_through(const std::string& path) const = 0;
};

}  // namespace guard
