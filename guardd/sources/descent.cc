#include "guardd/sources/descent.h"

#include <utility>
#include <vector>

#include "guardd/evidence/access.h"
#include "policy/base/text.h"

namespace guard {
namespace {

struct Level {
  Object object;
  WatchedDirectory* known;
  bool by_root_alone;
  std::vector<DirectoryEntry> below;  // directories that are still to be entered
};

// Reports the entries of a directory and notes which of them to enter.
bool read_entries(Level& level, const Descent& descent) {
  auto entries = list(level.object, static_cast<bool>(descent.found));
  if (!entries) {
    descent.reader.lost_sight(descent.tree, quote(WatchedDirectories::path_of(*level.known)) +
                                                ": " + entries.error().text());
    return false;
  }
  level.by_root_alone = level.by_root_alone && is_filled_by_root_alone(level.object.state);
  for (auto& entry : *entries) {
    const bool asks_covered = entry.is_directory && !descent.covered.empty();
    const auto path =
        asks_covered ? WatchedDirectories::path_of(*level.known, entry.name) : std::string();
    if (asks_covered && descent.covered.is_nested(path)) continue;
    if (descent.found) descent.found(level.object, *level.known, entry, level.by_root_alone);
    if (entry.is_directory && !(asks_covered && descent.covered.all_below(path)))
      level.below.push_back(std::move(entry));
  }
  return true;
}

}  // namespace

void descend(Object first, WatchedDirectory& known, bool by_root_alone, const Descent& descent) {
  std::vector<Level> levels;
  const auto enter = [&](Object object, WatchedDirectory& directory, bool alone) {
    if (descent.enter && !descent.enter(object, directory)) return;
    Level level{std::move(object), &directory, alone, {}};
    if (read_entries(level, descent)) levels.push_back(std::move(level));
  };
  enter(std::move(first), known, by_root_alone);
  while (!levels.empty()) {
    auto& level = levels.back();
    if (level.below.empty()) {
      levels.pop_back();
      continue;
    }
    const auto entry = std::move(level.below.back());
    level.below.pop_back();
    // EXDEV: a mount, which is not part of the tree.
    auto object = open_object(level.object, entry.name);
    if (!object || object->state.type != FileType::kDirectory) continue;
    if (auto* directory = descent.add(*object, *level.known, entry.name))
      enter(*std::move(object), *directory, level.by_root_alone);
  }
}

}  // namespace guard
