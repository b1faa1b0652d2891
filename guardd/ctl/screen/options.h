// The options and exit statuses that all verbs of guardctl share.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace guard::ctl {

// Scripts rely on these.
enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2, kNotRunning = 3, kNotPermitted = 4 };

struct Options {
  bool json = false;
  bool pager = true;
  bool quiet = false;
  std::vector<std::string> policy_directories;
  std::string bus;                   // empty: the system bus
  std::vector<std::string> command;  // after --, for the verb exec
};

// Runs the verb, prints its output, and returns the exit status.
using Run = std::function<int(const Options&)>;

}  // namespace guard::ctl
