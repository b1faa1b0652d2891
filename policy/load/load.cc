#include "policy/load/load.h"

#include <utility>

#include "policy/load/compile.h"
#include "policy/load/lint.h"
#include "policy/load/read_policy.h"

namespace guard {

LoadResult load_policies(const LoadRequest& request, const Users& users, const Files& files) {
  LoadResult loaded;
  auto& diagnostics = loaded.diagnostics;
  std::vector<DraftPolicy> drafts;
  for (const auto& file : request.files) {
    if (file.masked) continue;
    const auto number = diagnostics.add_file(file.path);
    const Place top{number, 1, 1};
    auto read = read_policy_file(file.path, request.reader);
    if (!read) {
      diagnostics.error(top, read.error().text());
      continue;
    }
    if (!read->warning.empty()) diagnostics.warning(top, read->warning);
    for (auto& draft : read_policies(read->text, number, diagnostics))
      drafts.push_back(std::move(draft));
  }
  // Compiled even after an error, so that one pass reports every error.
  loaded.set = compile(std::move(drafts), users, files, request.generation, diagnostics);
  if (loaded.set) lint(*loaded.set, files, diagnostics);
  if (diagnostics.has_errors()) loaded.set = nullptr;
  diagnostics.sort();
  return loaded;
}

}  // namespace guard
