#include "guardd/ctl/command_line.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "guardd/ctl/help/help.h"
#include "guardd/ctl/verbs/verbs.h"
#include "guardd/host/command_line.h"
#include "guardd/version.h"

namespace guard::ctl {
namespace {

// Removes everything from -- on, because the parser must not see the command to run.
std::vector<std::string> take_command(int& argc, char** argv) {
  char** const end = argv + argc;
  char** const dashes = std::find(argv, end, std::string_view("--"));
  if (dashes == end) return {};
  argc = static_cast<int>(dashes - argv);
  return {dashes + 1, end};
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CommandLine line("guardctl", GUARD_VERSION, help_text);
  Options options;
  auto arguments = line.arguments();
  arguments.flag("--json", options.json);
  arguments.flag("!--no-pager", options.pager);
  arguments.flag("-q,--quiet", options.quiet);
  arguments.repeated("--policy-dir", options.policy_directories);
  arguments.option("--bus", options.bus);
  std::vector<Run> runs;
  for (const auto& verb : kVerbs) {
    auto takes = line.add_verb(verb.name, verb.needs);
    runs.push_back(verb.declare(takes));
  }
  if (line.intended_verb(argc, argv) == "exec") options.command = take_command(argc, argv);
  if (const auto status = line.parse(argc, argv)) return *status;
  return runs[line.verb()](options);
}

}  // namespace guard::ctl
