// A file that root creates in a directory of another user, who may do anything there meanwhile.
// Trusts only the descriptor: follows no link, writes nothing, and leaves alone whatever has taken
// the file's name. One thread.
#pragma once

#include <sys/stat.h>

#include <string>

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard::doctor {

// Opens the directory with no link on the way. Fails with ENOTDIR if it is a file.
Result<Fd> open_tree(const std::string& path);

// A name that no other process can predict and occupy.
Result<std::string> random_name(const std::string& begin, const std::string& end);

class ProbeFile {
 public:
  // Creates the file empty, and keeps no descriptor that could write. `tree` must outlive it.
  static Result<ProbeFile> create(const Fd& tree, const std::string& name);

  ProbeFile(ProbeFile&& other) noexcept;
  ProbeFile& operator=(ProbeFile&&) = delete;
  ProbeFile(const ProbeFile&) = delete;
  ProbeFile& operator=(const ProbeFile&) = delete;
  ~ProbeFile() { (void)remove(); }

  Result<struct stat> look() const;
  // False: something else has its name now, and stays.
  Result<bool> remove();

 private:
  ProbeFile(int tree, std::string name, Fd file);

  int tree_;
  std::string name_;
  Fd file_;
};

// Removes what a denied attempt left at this name, if it is an empty file. True: nothing is left.
bool clear(const Fd& tree, const std::string& name);
bool is_there(const Fd& tree, const std::string& name);

}  // namespace guard::doctor
