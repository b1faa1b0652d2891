#include "guardd/ctl/ask/connect.h"

#include <unistd.h>

#include <iostream>
#include <sstream>

#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/screen/terminal.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

// In the format of check: one error per line, then their number.
void print_errors(const std::string& text) {
  std::istringstream lines(text);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) std::cerr << printable(line) << '\n';
  std::cerr << counted(count, "error", "errors") << "; the previous policies stay in force.\n";
}

}  // namespace

bus::Answer<bus::Client> reach_daemon(const Options& options) {
  auto client = bus::Client::open(options.bus);
  if (client) client->set_interactive(::isatty(STDIN_FILENO) == 1);
  return client;
}

int fail(const bus::Failure& failure) {
  if (failure.kind == bus::Kind::kInvalidPolicy && !failure.text.empty())
    print_errors(failure.text);
  else
    (void)fail(Error(failure.text));
  return bus::exit_status(failure.kind);
}

}  // namespace guard::ctl
