// One thread of a walk: takes directories from the queue and walks them depth first. Holds only the
// innermost few directories open, and finds those above again by ".." and their identity.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "guardd/repair/walk.h"
#include "guardd/repair/walk_queue.h"

namespace guard {

// Shared by the walkers of one walk.
struct WalkShared {
  const Object& root;
  Visitor& visitor;
  Pace& pace;
  WalkQueue& queue;
  std::stop_token stop;
  bool below = true;
  std::size_t open_levels = 8;  // how many directories one walker holds open, at least 3
};

class Walker {
 public:
  Walker(WalkShared& shared, unsigned thread) : shared_(shared), thread_(thread) {}

  // Returns when no walker has work.
  void run();

 private:
  // A directory that the walker is in. While it is closed to save descriptors, only the position is
  // kept.
  struct Level {
    std::shared_ptr<Directory> directory;
    std::unique_ptr<NameBuffer> names;
    std::size_t at = 0;
    std::size_t end = 0;
    bool read_all = false;  // `names` holds the rest
    bool closed = false;
    bool is_suspended = false;
    off_t position = 0;  // after the last visited name
    std::size_t path_length = 0;
    InodeId id;
  };

  void walk(WalkItem item);
  void step();
  bool read_on(Level& level);
  void share(Level& level);
  void visit(const char* name, unsigned char type);
  Result<std::shared_ptr<Directory>> open_child(const Directory& parent, const char* name);
  std::shared_ptr<Directory> to_leave(std::shared_ptr<Directory> directory);
  void descend(std::shared_ptr<Directory> directory, bool closed);
  void leave();
  void suspend(Level& level);
  bool resume(Level& level, const Directory& child);
  void count(std::uint64_t objects);
  std::unique_ptr<NameBuffer> take_buffer();
  void return_buffer(std::unique_ptr<NameBuffer> buffer);

  WalkShared& shared_;
  unsigned thread_;
  std::vector<Level> levels_;
  std::vector<std::unique_ptr<NameBuffer>> spare_;
  std::uint64_t uncounted_ = 0;
};

}  // namespace guard
