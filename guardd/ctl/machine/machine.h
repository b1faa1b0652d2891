// The machine that guardctl examines: the running one, or one in a directory. Only reads. Links are
// followed inside the machine and never out of it; only regular files are read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/base/handle.h"
#include "policy/base/result.h"
#include "policy/lookup.h"

namespace guard::machine {

class Machine {
 public:
  // "" and "/" are the running machine.
  static Result<Machine> open(const std::string& root);

  bool is_running() const { return root_ == "/"; }
  const Users& users() const { return *users_; }
  const Files& files() const { return *files_; }

  // The text of a regular file of at most a megabyte.
  Result<std::string> text(const std::string& path) const;
  Result<std::vector<std::string>> lines(const std::string& path) const;
  // The names in a directory, sorted; none if it cannot be read.
  std::vector<std::string> names(const std::string& directory) const;
  bool is_there(const std::string& path) const;
  // The target of a symbolic link as it is written.
  std::optional<std::string> link(const std::string& path) const;
  // Whether an administrator disabled the file with a link to /dev/null.
  bool is_masked(const std::string& path) const { return link(path) == "/dev/null"; }
  // The path with all links resolved, as far as it exists.
  std::string real_path(const std::string& path) const;
  // A directory that is not a link, opened for reading.
  Result<Fd> directory(const std::string& real_path) const;

  // The paths of the files in these directories, sorted by name. A file in an earlier directory
  // replaces one of the same name in a later directory. Masked files are left out.
  std::vector<std::string> merged(const std::vector<std::string>& directories,
                                  const std::string& suffix) const;

 private:
  Machine(Fd top, std::string root);
  Fd open_in(const std::string& path, std::uint64_t flags, std::uint64_t more_resolve = 0) const;

  Fd top_;
  std::string root_;
  std::shared_ptr<const Users> users_;
  std::shared_ptr<const Files> files_;
};

}  // namespace guard::machine
