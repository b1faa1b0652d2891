// guardctl: what people and scripts type. The verbs are in verbs.h.

#include <exception>
#include <iostream>
#include <variant>

#include "guardd/ctl/command_line.h"
#include "guardd/host/usage.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

int run(int argc, char** argv) {
  auto parsed = parse_command_line(argc, argv);
  if (const auto* code = std::get_if<ExitCode>(&parsed)) return *code;
  const auto& line = std::get<CommandLine>(parsed);
  return line.run(line.options);
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
