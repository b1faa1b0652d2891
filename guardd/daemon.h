// The daemon: owns the event loop and everything on it, and wires the way of a change together:
// notices → enforcer → incidents → publisher. Has no logic of its own about what is right. One
// thread, but for the scans, the repairs, the store and the writer of lines.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "guardd/base/config.h"

namespace guard {

struct DaemonOptions {
  std::vector<std::string> policy_directories;  // none: the standard ones
  std::string config_file;                      // empty: the usual one
  std::string state_directory;
  std::optional<BackendChoice> backend;  // else what the settings say
  Log log = Log::kConsole;
  std::optional<std::string> bus;  // its address, empty for the system's; none: on no bus
};

// Runs until it is told to end. The exit status.
int run_daemon(const DaemonOptions& options);

}  // namespace guard
