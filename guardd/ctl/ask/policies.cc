#include "guardd/ctl/ask/policies.h"

#include <iostream>
#include <set>

#include "guardd/ctl/screen/terminal.h"
#include "policy/base/text.h"

namespace guard::ctl {

void print_diagnostics(const LoadResult& loaded, bool quiet) {
  const auto& diagnostics = loaded.diagnostics;
  std::set<std::uint32_t> files;
  for (const auto& diagnostic : diagnostics.all()) {
    const bool error = diagnostic.kind == Diagnostic::Kind::kError;
    if (error) files.insert(diagnostic.place.file);
    if (error || !quiet) std::cerr << diagnostics.format(diagnostic) << '\n';
  }
  if (!diagnostics.has_errors() || quiet) return;
  std::cerr << counted(diagnostics.errors(), "error", "errors") << " in "
            << counted(files.size(), "file", "files") << ".\n";
}

std::shared_ptr<const PolicySet> load_valid(const Options& options) {
  auto loaded = load_policy_directories(options.policy_directories, 1);
  if (!loaded) {
    (void)fail(loaded.error());
    return nullptr;
  }
  if (!loaded->set) print_diagnostics(*loaded, true);
  return loaded->set;
}

std::string place_text(const PolicySet& set, Place place) {
  return place ? escaped(set.files()[place.file]) + ":" + std::to_string(place.line) : "default";
}

}  // namespace guard::ctl
