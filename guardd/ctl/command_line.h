// The command line of guardctl: which verb, on what, shown how.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace guard::ctl {

// What the contract promises to scripts.
enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2 };

struct Options {
  bool json = false;
  bool pager = true;
  bool quiet = false;
  std::vector<std::string> policy_directories;
};

struct CheckOptions {
  std::vector<std::string> paths;
};

struct ListOptions {};

struct ShowOptions {
  std::string policy;
};

struct ExplainOptions {
  std::string path;
  std::string user = "root";
  std::vector<std::string> operations;
  std::string exe;
  std::string unit;
  std::string login;
  std::vector<std::string> labels;
  bool terminal = false;
};

using Verb = std::variant<CheckOptions, ListOptions, ShowOptions, ExplainOptions>;

struct CommandLine {
  Options options;
  Verb verb;
};

// Either what to do, or the exit status after help, version or a complaint have been printed.
std::variant<CommandLine, ExitCode> parse_command_line(int argc, char** argv);

}  // namespace guard::ctl
