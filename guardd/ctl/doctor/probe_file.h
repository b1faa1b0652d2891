// A file of root's in a directory that belongs to somebody else, who may do there whatever he
// likes meanwhile. Only the descriptor is trusted: nothing is followed, nothing is written, and
// what has taken the file's name is left alone. One thread.
#pragma once

#include <sys/stat.h>

#include <string>

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard::doctor {

// The directory itself, with no link on the way. ENOTDIR: it is a file.
Result<Fd> open_tree(const std::string& path);

// Not to be foreseen by whoever would like to be there first.
Result<std::string> random_name(const std::string& begin, const std::string& end);

class ProbeFile {
 public:
  // Made empty, and closed by whoever could write. `tree` must live longer.
  static Result<ProbeFile> make(const Fd& tree, const std::string& name);

  ProbeFile(ProbeFile&& other) noexcept;
  ProbeFile& operator=(ProbeFile&&) = delete;
  ProbeFile(const ProbeFile&) = delete;
  ProbeFile& operator=(const ProbeFile&) = delete;
  ~ProbeFile() { (void)remove(); }

  Result<struct stat> look() const;
  // False: what has its name now is something else, and stays.
  Result<bool> remove();

 private:
  ProbeFile(int tree, std::string name, Fd file);

  int tree_;
  std::string name_;
  Fd file_;
};

// Removes what a refused attempt has left at this name, if it is an empty file. True: there is
// nothing now.
bool clear(const Fd& tree, const std::string& name);
bool is_there(const Fd& tree, const std::string& name);

}  // namespace guard::doctor
