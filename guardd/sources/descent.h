// Walks the directories below one directory, depth first, with one descriptor per level. Stays on
// the mount and follows no links. Decides nothing: the source says which directories to enter. One
// thread: the daemon's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "guardd/files/object.h"
#include "guardd/sources/notices.h"
#include "guardd/sources/watched_directories.h"
#include "policy/covered.h"

namespace guard {

struct Descent {
  std::uint32_t tree = 0;
  const CoveredPart& covered;
  NoticeReader& reader;
  // Reported for each entry, as kFound, with the entry's place filled in. None: nothing is
  // reported.
  std::optional<Notice> found;
  // Finds or adds a directory of this name. Null: it is left out.
  std::function<WatchedDirectory*(Object& directory, WatchedDirectory& parent,
                                  const std::string& name)>
      add;
  // Called before a directory is listed; may be empty. False: it is left out.
  std::function<bool(Object& directory, WatchedDirectory& known)> enter;
};

void descend(Object first, WatchedDirectory& known, const Descent& descent);

}  // namespace guard
