// What every verb of guardctl takes, and how one ends.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace guard::ctl {

// What the contract promises to scripts.
enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2, kNotRunning = 3, kNotPermitted = 4 };

struct Options {
  bool json = false;
  bool pager = true;
  bool quiet = false;
  std::vector<std::string> policy_directories;
  std::string bus;                   // empty: the system's
  std::vector<std::string> command;  // after --, for the verb that runs one
};

// Does what was asked for, prints the answer, returns the exit status.
using Run = std::function<int(const Options&)>;

}  // namespace guard::ctl
