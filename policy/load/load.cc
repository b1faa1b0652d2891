#include "policy/load/load.h"

#include <utility>

#include "policy/load/compile.h"
#include "policy/load/lint.h"
#include "policy/load/read_policy.h"

namespace guard {
namespace {

void append(std::vector<DraftPolicy>& all, std::vector<DraftPolicy> more) {
  for (auto& each : more) all.push_back(std::move(each));
}

}  // namespace

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
    append(drafts, read_policies(read->text, number, diagnostics));
    loaded.texts.push_back({file.path, std::move(read->text)});
  }
  // Compiled even after an error, so that one pass reports every error.
  loaded.set = compile(std::move(drafts), users, files, request.generation, diagnostics);
  if (loaded.set) lint(*loaded.set, files, diagnostics);
  if (diagnostics.has_errors()) loaded.set = nullptr;
  diagnostics.sort();
  return loaded;
}

LoadResult load_again(std::vector<FileText> texts, std::uint64_t generation, const Users& users,
                      const Files& files) {
  LoadResult loaded;
  std::vector<DraftPolicy> drafts;
  for (const auto& each : texts)
    append(drafts,
           read_policies(each.text, loaded.diagnostics.add_file(each.path), loaded.diagnostics));
  loaded.set = compile(std::move(drafts), users, files, generation, loaded.diagnostics);
  if (loaded.diagnostics.has_errors()) loaded.set = nullptr;
  loaded.texts = std::move(texts);
  return loaded;
}

}  // namespace guard
