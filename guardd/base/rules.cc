#include "guardd/base/rules.h"

#include <iostream>

#include "guardd/host/files.h"
#include "guardd/host/policy_directories.h"

namespace guard {
namespace {

void print(const Diagnostics& diagnostics, std::vector<std::string>& errors) {
  for (const auto& diagnostic : diagnostics.all()) {
    auto line = diagnostics.format(diagnostic);
    std::cerr << line + '\n';
    if (diagnostic.kind == Diagnostic::Kind::kError) errors.push_back(std::move(line));
  }
}

}  // namespace

RulesRead read_rules(const std::string& config_file,
                     const std::vector<std::string>& policy_directories, std::uint64_t generation) {
  RulesRead read;
  Diagnostics settings;
  const auto config = load_config(config_file, settings);
  print(settings, read.errors);
  const auto loaded = load_policy_directories(policy_directories, generation);
  if (!loaded) {
    read.errors.push_back(loaded.error().text());
    return read;
  }
  print(loaded->diagnostics, read.errors);
  if (!config || !loaded->set) return read;
  read.rules = Rules{*config, loaded->set, {}};
  for (const auto& policy : loaded->set->policies())
    read.rules->limits.push_back(tree_limits(policy, SystemFiles()));
  return read;
}

}  // namespace guard
