// The machine that a record comes from. Any thread.
#pragma once

#include <string>

namespace guard {

struct Machine {
  std::string boot_id;
  std::string host;
  std::string id;  // of /etc/machine-id

  static Machine read();
};

}  // namespace guard
