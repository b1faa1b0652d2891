// The command line of guardd. Its helper processes are the same program: the name that guardd
// starts them with says what they are for.

#include <unistd.h>

#include <iostream>
#include <string>
#include <string_view>

#include "guardd/daemon.h"
#include "guardd/help.h"
#include "guardd/host/command_line.h"
#include "guardd/host/policy_directories.h"
#include "guardd/permission/open_helper.h"
#include "guardd/publish/journal_socket.h"
#include "guardd/repair_process/repair_helper.h"
#include "guardd/request_process/request_helper.h"
#include "guardd/version.h"
#include "guardd/who/inquiry_helper.h"
#include "policy/base/text.h"

namespace guard {
namespace {

void print(const Diagnostics& diagnostics) {
  for (const auto& each : diagnostics.all()) std::cerr << diagnostics.format(each) << '\n';
}

int check(const DaemonOptions& options) {
  Diagnostics settings;
  const bool valid = load_config(options.config_file, settings).has_value();
  print(settings);
  const auto loaded = load_policy_directories(options.policy_directories, 1);
  if (!loaded) {
    std::cerr << "guardd: " << printable(loaded.error().text()) << '\n';
    return 1;
  }
  print(loaded->diagnostics);
  return valid && loaded->set ? 0 : 1;
}

std::string default_state_directory() {
  const char* directory = ::secure_getenv("STATE_DIRECTORY");  // set by systemd
  return directory ? directory : "/var/lib/guardd";
}

// If the journal reads standard output, guardd writes entries with all fields instead of lines.
Log default_log() {
  return is_the_journal(STDOUT_FILENO) ? Log::kJournal : Log::kConsole;
}

int run(int argc, char** argv) {
  CommandLine line("guardd", GUARD_VERSION, [](std::string_view /*verb*/) { return kHelp; });
  DaemonOptions options;
  options.state_directory = default_state_directory();
  bool check_only = false;
  std::string log;
  std::string backend;
  std::string bus = "system";
  auto arguments = line.arguments();
  arguments.option("--config", options.config_file);
  arguments.repeated("--policy-dir", options.policy_directories);
  arguments.option("--state-dir", options.state_directory);
  arguments.flag("--check", check_only);
  arguments.choice("--log", log, Words<Log>::kAll);
  arguments.choice("--backend", backend, Words<BackendChoice>::kAll);
  arguments.option("--bus", bus);
  if (const auto status = line.parse(argc, argv)) return *status;
  if (check_only) return check(options);
  options.log = parse_word<Log>(log).value_or(default_log());
  if (options.log == Log::kJournal && ::access(kJournalSocket, F_OK) < 0)
    std::cerr << "guardd: there is no journal at " << kJournalSocket
              << "; guardd keeps its messages until there is one\n";
  options.backend = parse_word<BackendChoice>(backend);
  if (bus != "none") options.bus = bus == "system" ? "" : bus;
  return run_daemon(options);
}

}  // namespace
}  // namespace guard

int main(int argc, char** argv) {
  guard::reserve_standard_streams();
  try {
    if (argc > 0 && std::string_view(argv[0]) == guard::kInquiryRole.name)
      return guard::serve_inquiries();
    if (argc > 0 && std::string_view(argv[0]) == guard::kRepairRole.name)
      return guard::serve_repairs();
    if (argc > 0 && std::string_view(argv[0]) == guard::kRequestRole.name)
      return guard::serve_request();
    if (argc > 0 && std::string_view(argv[0]) == guard::kOpenRole.name) return guard::serve_opens();
    return guard::run(argc, argv);
  } catch (const std::exception& failure) {  // out of memory: no other exception gets here
    std::cerr << "guardd: " << guard::printable(failure.what()) << '\n';
    return 1;
  }
}
