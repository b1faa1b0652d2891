// Walks everything below one directory of a tree with several threads, by descriptor: never through
// a link or across a mount. Descriptors and memory do not grow with the tree, however wide or deep.
// The visitor judges. walk() blocks its caller and returns when the last thread has ended.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "guardd/files/object.h"
#include "guardd/repair/directory.h"
#include "guardd/repair/pace.h"
#include "policy/base/result.h"

namespace guard {

// One name in an open directory.
struct WalkEntry {
  unsigned thread;  // 0 .. threads - 1: for the data of each thread
  const Directory& directory;
  bool closed;  // the visitor returned Descent::kClosed for a directory above
  const char* name;
  bool is_file = false;  // the directory lists it as a regular file
};

enum class Descent : std::uint8_t {
  kLeave,
  kEnter,
  kEnterFirst,  // enter, and call left() afterwards
  kClosed,      // enter, and set WalkEntry::closed for everything below
};

// Called by all threads of the walk at once; data of each thread needs no lock.
class Visitor {
 public:
  Visitor() = default;
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;
  virtual ~Visitor() = default;

  // Not a directory, or a directory that could not be opened. It may no longer exist.
  virtual void leaf(const WalkEntry& entry) = 0;
  // A directory. Returns whether to enter it.
  virtual Descent directory(const WalkEntry& entry, const Directory& opened) = 0;
  // After Descent::kEnterFirst: everything in the directory itself has been visited. Earlier if the
  // walk needs its descriptor; also after a stop.
  virtual void left(const Directory& /*directory*/) {}
  // A mount point. It belongs to another tree and hides what is below it.
  virtual void mount(const WalkEntry& entry) = 0;
  // A directory, or the rest of it, could not be read. ESTALE: it moved away during the walk.
  virtual void trouble(std::string_view path, int code) = 0;
  // This thread has visited `objects` more. Called at least every few dozen.
  virtual void progress(unsigned thread, std::uint64_t objects) = 0;
};

struct WalkOptions {
  unsigned threads = 1;
  bool polite = true;
  bool below = true;  // false: only the entries of the directory itself
};

// The default number of threads: one for each processor, at most 4.
unsigned usual_threads();

Status walk(const Object& root, std::shared_ptr<Directory> start, bool closed,
            const WalkOptions& options, Visitor& visitor, Pace& pace, std::stop_token stop);

}  // namespace guard
