// The command line of guardctl: which verb, on what, shown how.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace guard::ctl {

// What the contract promises to scripts.
enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2, kNotRunning = 3, kNotPermitted = 4 };

// What every verb takes.
struct Options {
  bool json = false;
  bool pager = true;
  bool quiet = false;
  std::vector<std::string> policy_directories;
  std::string bus;                   // empty: the system's
  std::vector<std::string> command;  // after --, for the verb that runs one
};

// Does what was asked, prints the answer, returns the exit status.
using Run = std::function<int(const Options&)>;

struct CommandLine {
  Options options;
  Run run;
};

// Either what to do, or the exit status after help, version or a complaint have been printed.
std::variant<CommandLine, ExitCode> parse_command_line(int argc, char** argv);

// One sentence on standard error; the help of the verb is named, not dumped.
ExitCode misused(const std::string& what, std::string_view verb);

}  // namespace guard::ctl
