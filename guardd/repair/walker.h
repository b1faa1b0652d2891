// One thread's part of a walk: takes directories from the queue and goes down from there, depth
// first. Of the directories it is in, it holds only the innermost few open; those further up it
// finds again by ".." and their identity.
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

// What the walkers of one walk have in common.
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

  // Until there is no more work for anybody.
  void run();

 private:
  // A directory that the walker is in. One that is put to sleep keeps only where to go on.
  struct Level {
    std::shared_ptr<Directory> directory;
    std::unique_ptr<NameBuffer> names;
    std::size_t at = 0;
    std::size_t end = 0;
    bool read_all = false;  // nothing follows what is in names
    bool closed = false;
    bool asleep = false;
    off_t resume = 0;  // the directory's position after the last name that was met
    std::size_t path_length = 0;
    InodeId id;
  };

  void walk(WalkItem item);
  void step();
  bool read_on(Level& level);
  void lend(Level& level);
  void meet(const char* name, unsigned char type);
  Result<std::shared_ptr<Directory>> open_child(const Directory& parent, const char* name);
  void descend(std::shared_ptr<Directory> directory, bool closed);
  void leave();
  void put_to_sleep(Level& level);
  bool wake(Level& level, const Directory& child);
  void count(std::uint64_t objects);
  std::unique_ptr<NameBuffer> a_buffer();
  void give_back(std::unique_ptr<NameBuffer> buffer);

  WalkShared& shared_;
  unsigned thread_;
  std::vector<Level> levels_;
  std::vector<std::unique_ptr<NameBuffer>> spare_;
  std::uint64_t uncounted_ = 0;
};

}  // namespace guard
