// The machine as doctor sees it: files below a root, which is "/" but for tests, who plant /sys,
// /proc and /etc in a directory of their own. Links stay inside that root. Looks only: opens
// nothing but regular files, never waits for a FIFO or a device. One thread.
#pragma once

#include <string>
#include <vector>

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard::doctor {

class Machine {
 public:
  explicit Machine(std::string root = "/") : root_(std::move(root)) {}

  // The text of a file, of a megabyte at most. The code of the error says why not.
  Result<std::string> read(const std::string& path) const;
  // The same in lines.
  Result<std::vector<std::string>> lines(const std::string& path) const;
  // The names in a directory, sorted.
  Result<std::vector<std::string>> names(const std::string& path) const;
  bool is_there(const std::string& path) const;
  // Where a link leads, as it is written; empty: it is none.
  std::string target_of(const std::string& path) const;
  // A link to /dev/null, as administrators switch a file off.
  bool is_masked(const std::string& path) const { return target_of(path) == "/dev/null"; }

  // A file below the directories, of which an earlier one replaces the same name in a later one:
  // their paths, sorted by name. What is masked is left out.
  std::vector<std::string> merged(const std::vector<std::string>& directories,
                                  const std::string& suffix) const;

 private:
  Result<Fd> open(const std::string& path, int flags) const;

  std::string root_;
};

// One word after the other, between spaces, tabs and line ends; quotes hold one together.
std::vector<std::string> words_of(const std::string& line);

}  // namespace guard::doctor
