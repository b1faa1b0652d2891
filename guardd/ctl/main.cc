// guardctl: what people and scripts type. Each verb is a function in verbs.h.

#include <exception>
#include <iostream>
#include <variant>

#include "guardd/ctl/verbs.h"
#include "guardd/host/usage.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

struct Run {
  const Options& options;

  int operator()(const CheckOptions& asked) const { return check(options, asked); }
  int operator()(const ListOptions& asked) const { return list(options, asked); }
  int operator()(const ShowOptions& asked) const { return show(options, asked); }
  int operator()(const ExplainOptions& asked) const { return explain(options, asked); }
  int operator()(const ExportOptions& asked) const { return export_trail(options, asked); }
};

int run(int argc, char** argv) {
  auto parsed = parse_command_line(argc, argv);
  if (const auto* code = std::get_if<ExitCode>(&parsed)) return *code;
  const auto& line = std::get<CommandLine>(parsed);
  return std::visit(Run{line.options}, line.verb);
}

}  // namespace
}  // namespace guard::ctl

int main(int argc, char** argv) {
  guard::hold_standard_streams();
  try {
    return guard::ctl::run(argc, argv);
  } catch (const std::exception& failure) {  // out of memory: nothing else throws this far
    std::cerr << "guardctl: " << guard::printable(failure.what()) << '\n';
    return guard::ctl::kFailed;
  }
}
