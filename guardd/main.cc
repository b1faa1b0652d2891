// guardd: so far it validates policies; the daemon moves in here.

#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "guardd/host/policies.h"
#include "guardd/version.h"
#include "policy/base/text.h"

namespace guard {
namespace {

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
  app.set_version_flag("--version", "guardd " GUARD_VERSION);
  std::vector<std::string> directories;
  bool check_only = false;
  app.add_option("--policy-dir", directories,
                 "Read policies from DIR instead of the standard directories")
      ->type_name("DIR")
      ->take_all()
      ->expected(1);
  app.add_flag("--check", check_only, "Validate the policies and exit: 0 valid, 1 invalid");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::cerr << "guardd: " << printable(error.what()) << " (see guardd --help)\n";
    return 2;
  }
  if (check_only) return check(directories);
  std::cerr
      << "guardd: this version validates policies (--check) but does not guard anything yet\n";
  return 1;
}

}  // namespace
}  // namespace guard

int main(int argc, char** argv) {
  try {
    return guard::run(argc, argv);
  } catch (const std::exception& failure) {  // out of memory: nothing else throws this far
    std::cerr << "guardd: " << guard::printable(failure.what()) << '\n';
    return 1;
  }
}
