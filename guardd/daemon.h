// The daemon: creates all parts of guardd, connects them (notices → enforcer → incidents →
// publishers), and runs the event loop. Judges nothing itself. Runs on one thread; scans, repairs
// and writers have threads of their own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "guardd/base/config.h"

namespace guard {

struct DaemonOptions {
  std::vector<std::string> policy_directories;  // empty: the standard ones
  std::string config_file;                      // empty: the standard one
  std::string state_directory;
  std::optional<BackendChoice> backend;  // overrides guardd.toml
  Log log = Log::kConsole;
  std::optional<std::string> bus;  // its address; empty: the system bus; none: on no bus
};

// Runs until SIGTERM or SIGINT. Returns the exit status.
int run_daemon(const DaemonOptions& options);

}  // namespace guard
