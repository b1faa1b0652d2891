// Walks the directories below one directory, depth first, with one descriptor per level. Stays on
// the mount and follows no links. Decides nothing: the source says which directories to enter. One
// thread: the daemon's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "guardd/files/listing.h"
#include "guardd/files/object.h"
#include "guardd/sources/notices.h"
#include "guardd/sources/watched_directories.h"
#include "policy/covered.h"

namespace guard {

struct Descent {
  std::uint32_t tree = 0;
  const CoveredPart& covered;
  NoticeReader& reader;
  // Called for each entry; may be empty. `by_root_alone`: only root can have put it there, since
  // the first directory came here.
  std::function<void(const Object& directory, WatchedDirectory& known, const DirectoryEntry& entry,
                     bool by_root_alone)>
      found;
  // Finds or adds a directory of this name. Null: it is left out.
  std::function<WatchedDirectory*(Object& directory, WatchedDirectory& parent,
                                  const std::string& name)>
      add;
  // Called before a directory is listed; may be empty. False: it is left out.
  std::function<bool(Object& directory, WatchedDirectory& known)> enter;
};

// `by_root_alone`: nobody but root can have put anything into the first directory before it came
// here.
void descend(Object first, WatchedDirectory& known, bool by_root_alone, const Descent& descent);

}  // namespace guard
