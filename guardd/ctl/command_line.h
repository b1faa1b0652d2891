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

struct ExportOptions {
  std::string trail = "/var/lib/guardd/audit.db";
  bool csv = false;
  bool incidents = false;
  std::string since;
  std::string until;
  std::string policy;
  std::string login;
  std::string severity;
  std::string path;
  std::string command;
  std::string incident;
  std::size_t limit = 0;
};

using Verb = std::variant<CheckOptions, ListOptions, ShowOptions, ExplainOptions, ExportOptions>;

struct CommandLine {
  Options options;
  Verb verb;
};

// Either what to do, or the exit status after help, version or a complaint have been printed.
std::variant<CommandLine, ExitCode> parse_command_line(int argc, char** argv);

}  // namespace guard::ctl
