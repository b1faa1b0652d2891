// guardctl: what people and scripts type. The verbs are in verbs.h.

#include <exception>
#include <iostream>

#include "guardd/ctl/command_line.h"
#include "guardd/host/command_line.h"
#include "policy/base/text.h"

int main(int argc, char** argv) {
  guard::hold_standard_streams();
  try {
    return guard::ctl::run_command_line(argc, argv);
  } catch (const std::exception& failure) {  // out of memory: nothing else throws this far
    std::cerr << "guardctl: " << guard::printable(failure.what()) << '\n';
    return 1;
  }
}
