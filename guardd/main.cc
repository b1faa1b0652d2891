// guardd: the command line of the daemon.

#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "guardd/daemon.h"
#include "guardd/help.h"
#include "guardd/host/policies.h"
#include "guardd/host/usage.h"
#include "guardd/publish/journal_socket.h"
#include "guardd/version.h"
#include "policy/base/text.h"

namespace guard {
namespace {

class HandWrittenHelp : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* /*app*/, std::string /*name*/,
                        CLI::AppFormatMode /*mode*/) const override {
    return std::string(kHelp);
  }
};

void say(const Diagnostics& diagnostics) {
  for (const auto& each : diagnostics.all()) std::cerr << diagnostics.format(each) << '\n';
}

int check(const DaemonOptions& options) {
  Diagnostics settings;
  const bool valid = load_config(options.config_file, settings).has_value();
  say(settings);
  const auto loaded = load_policy_directories(options.policy_directories, 1);
  if (!loaded) {
    std::cerr << "guardd: " << printable(loaded.error().text()) << '\n';
    return 1;
  }
  say(loaded->diagnostics);
  return valid && loaded->set ? 0 : 1;
}

std::string default_state_directory() {
  const char* given = ::secure_getenv("STATE_DIRECTORY");  // by systemd
  return given ? given : "/var/lib/guardd";
}

// Whoever has standard output read by the journal wants it told with all that the journal can hold.
Log default_log() {
  return is_the_journal(STDOUT_FILENO) ? Log::kJournal : Log::kConsole;
}

int run(int argc, char** argv) {
  CLI::App app("guardd: keeps services the owners of their files", "guardd");
  app.formatter(std::make_shared<HandWrittenHelp>());
  app.set_version_flag("--version", "guardd " GUARD_VERSION);
  DaemonOptions options;
  options.state_directory = default_state_directory();
  bool check_only = false;
  std::string log;
  std::string backend;
  std::string bus = "system";
  app.add_option("--config", options.config_file);
  app.add_option("--policy-dir", options.policy_directories)->allow_extra_args(false);
  app.add_option("--state-dir", options.state_directory);
  app.add_flag("--check", check_only);
  app.add_option("--log", log)->check(CLI::IsMember(Words<Log>::kAll));
  app.add_option("--backend", backend)->check(CLI::IsMember(Words<BackendChoice>::kAll));
  app.add_option("--bus", bus);
  if (const auto ended = parse(app, argc, argv)) return *ended;
  if (check_only) return check(options);
  options.log = parse_word<Log>(log).value_or(default_log());
  if (options.log == Log::kJournal && ::access(kJournalSocket, F_OK) < 0)
    std::cerr << "guardd: there is no journal at " << kJournalSocket
              << ": what guardd tells is kept until there is one\n";
  options.backend = parse_word<BackendChoice>(backend);
  if (bus != "none") options.bus = bus == "system" ? "" : bus;
  return run_daemon(options);
}

}  // namespace
}  // namespace guard

int main(int argc, char** argv) {
  guard::hold_standard_streams();
  try {
    return guard::run(argc, argv);
  } catch (const std::exception& failure) {  // out of memory: nothing else throws this far
    std::cerr << "guardd: " << guard::printable(failure.what()) << '\n';
    return 1;
  }
}
