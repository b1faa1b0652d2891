// How this machine is told from others. Any thread.
#pragma once

#include <string>

namespace guard {

struct MachineIds {
  std::string boot_id;
  std::string host;
  std::string id;  // of /etc/machine-id

  static MachineIds read();
};

std::string host_name();

}  // namespace guard
