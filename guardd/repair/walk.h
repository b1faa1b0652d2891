// Walks everything below one directory of a tree with several threads, relative to descriptors
// only: never by a path twice, through a link or across a mount. Owns the threads, and descriptors
// and memory that do not grow with the tree, however wide or deep. Judges nothing: that is the
// visitor's. walk() blocks its caller and returns when the last thread has ended.
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

// Where an object was met: a name in a directory that is held open.
struct Meeting {
  unsigned thread;  // 0 .. threads - 1: for what each thread keeps of its own
  const Directory& directory;
  bool closed;  // a directory on the way, as Descent::kClosed said
  const char* name;
};

enum class Descent : std::uint8_t {
  kLeave,
  kEnter,
  kClosed,  // enter, and let everything below know
};

// Called by all threads of the walk at once; what it keeps for each thread needs no lock.
class Visitor {
 public:
  Visitor() = default;
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;
  virtual ~Visitor() = default;

  // Something that is no directory, or could not be opened as one. It may be gone by now.
  virtual void leaf(const Meeting& met) = 0;
  // A directory, opened. Whether to go in is the answer.
  virtual Descent directory(const Meeting& met, const Directory& opened) = 0;
  // A mount stands here. What is mounted belongs to another tree, what it hides cannot be seen.
  virtual void mount(const Meeting& met) = 0;
  // A directory, or the rest of it, could not be read. ESTALE: it was moved away or replaced while
  // the walk was in it.
  virtual void trouble(std::string_view path, int code) = 0;
  // `objects` more were met by this thread. Called at least every few dozen.
  virtual void progress(unsigned thread, std::uint64_t objects) = 0;
};

struct WalkOptions {
  unsigned threads = 1;
  bool polite = true;
  bool below = true;  // false: only what the directory itself holds
};

// How many threads a scan takes when nobody says: the processors, at most 4.
unsigned usual_threads();

Status walk(const Object& root, std::shared_ptr<Directory> start, bool closed,
            const WalkOptions& options, Visitor& visitor, Pace& pace, std::stop_token stop);

}  // namespace guard
