// The machine that is asked about: the running one, or one that lies in a directory. Looks only.
// Links are followed inside of it and never out of it; what is no regular file is never read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/base/handle.h"
#include "policy/base/result.h"
#include "policy/lookup.h"

namespace guard::suggest {

class Machine {
 public:
  // The running one for "" and "/".
  static Result<Machine> open(const std::string& root);

  bool is_running() const { return root_ == "/"; }
  const Users& users() const { return *users_; }
  const Files& files() const { return *files_; }

  // The text of a regular file of at most a megabyte; a longer one is none of ours.
  Result<std::string> text(const std::string& path) const;
  // What is in a directory, sorted; nothing where it cannot be read.
  std::vector<std::string> names(const std::string& directory) const;
  bool is_there(const std::string& path) const;
  // Where a symbolic link points, as it is written.
  std::optional<std::string> link(const std::string& path) const;
  // The path as it is with all links on the way and at its end resolved, as far as it exists.
  std::string real_path(const std::string& path) const;
  // A directory for a walk: opened for reading, no link itself.
  Result<Fd> directory(const std::string& real_path) const;

 private:
  Machine(Fd top, std::string root);
  Fd open_in(const std::string& path, std::uint64_t flags, std::uint64_t more_resolve = 0) const;

  Fd top_;
  std::string root_;
  std::shared_ptr<const Users> users_;
  std::shared_ptr<const Files> files_;
};

}  // namespace guard::suggest
