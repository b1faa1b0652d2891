// guardd: the command line of the daemon.

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

int check(const std::vector<std::string>& directories) {
  const auto loaded = load_policy_directories(directories, 1);
  if (!loaded) {
    std::cerr << "guardd: " << printable(loaded.error().text()) << '\n';
    return 1;
  }
  for (const auto& diagnostic : loaded->diagnostics.all())
    std::cerr << loaded->diagnostics.format(diagnostic) << '\n';
  return loaded->set ? 0 : 1;
}

int run(int argc, char** argv) {
  CLI::App app("guardd: keeps services the owners of their files", "guardd");
  app.formatter(std::make_shared<HandWrittenHelp>());
  app.set_version_flag("--version", "guardd " GUARD_VERSION);
  std::vector<std::string> directories;
  bool check_only = false;
  std::string log = "console";
  std::string backend = "auto";
  app.add_option("--policy-dir", directories)->allow_extra_args(false);
  app.add_flag("--check", check_only);
  app.add_option("--log", log)->check(CLI::IsMember({"console", "json"}));
  app.add_option("--backend", backend)->check(CLI::IsMember({"auto", "fanotify"}));
  if (const auto ended = parse(app, argc, argv)) return *ended;
  if (check_only) return check(directories);
  DaemonOptions options;
  options.policy_directories = directories;
  options.json = log == "json";
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
