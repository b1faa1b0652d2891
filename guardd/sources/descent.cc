#include "guardd/sources/descent.h"

#include <utility>
#include <vector>

#include "guardd/files/listing.h"
#include "policy/base/text.h"

namespace guard {
namespace {

struct Level {
  Object object;
  WatchedDirectory* known;
  bool out_of_reach;                  // of the owner, since the first directory came here
  std::vector<DirectoryEntry> below;  // directories that are still to be entered
};

// Reports the entries of a directory and notes which of them to enter.
bool read_entries(Level& level, const Descent& descent) {
  auto entries = list(level.object, descent.found.has_value());
  if (!entries) {
    descent.reader.lost_sight(descent.tree, quote(WatchedDirectories::path_of(*level.known)) +
                                                ": " + entries.error().text());
    return false;
  }
  level.out_of_reach =
      level.out_of_reach && !descent.reader.owner_can_write(descent.tree, level.object.state);
  for (auto& entry : *entries) {
    const bool asks_covered = entry.is_directory && !descent.covered.empty();
    const auto path =
        asks_covered ? WatchedDirectories::path_of(*level.known, entry.name) : std::string();
    if (asks_covered && descent.covered.is_nested(path)) continue;
    if (descent.found) {
      auto notice = *descent.found;
      notice.kind = Notice::Kind::kFound;
      notice.directory = level.known;
      notice.name = entry.name;
      notice.object = entry.id;
      notice.is_directory = entry.is_directory;
      notice.out_of_owners_reach = level.out_of_reach;
      descent.reader.noticed(notice);
    }
    if (entry.is_directory && !(asks_covered && descent.covered.all_below(path)))
      level.below.push_back(std::move(entry));
  }
  return true;
}

}  // namespace

void descend(Object first, WatchedDirectory& known, const Descent& descent) {
  std::vector<Level> levels;
  const auto enter = [&](Object object, WatchedDirectory& directory, bool out_of_reach) {
    if (descent.enter && !descent.enter(object, directory)) return;
    Level level{std::move(object), &directory, out_of_reach, {}};
    if (read_entries(level, descent)) levels.push_back(std::move(level));
  };
  enter(std::move(first), known, true);
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
      enter(*std::move(object), *directory, level.out_of_reach);
  }
}

}  // namespace guard
