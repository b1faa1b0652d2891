// guardctl, the command for people and scripts. Its verbs are in verbs/verbs.h.

#include <exception>
#include <iostream>

#include "guardd/ctl/command_line.h"
#include "guardd/host/command_line.h"
#include "policy/base/text.h"

int main(int argc, char** argv) {
  guard::reserve_standard_streams();
  try {
    return guard::ctl::run_command_line(argc, argv);
  } catch (const std::exception& failure) {  // only out of memory gets this far
    std::cerr << "guardctl: " << guard::printable(failure.what()) << '\n';
    return 1;
  }
}
