// Files that guardd must leave alone until they change again: a user has undone their fix, or an
// excused process has left them so. Bounded: the oldest is forgotten first, and may be fixed again.
// Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "guardd/files/file_id.h"
#include "guardd/files/object.h"

namespace guard {

struct FileVersion {
  FileId object;
  std::int64_t changed = 0;  // its ctime, in nanoseconds
};

class LeftAlone {
 public:
  static constexpr std::size_t kMost = 50'000;
  using Save = std::function<void(FileVersion)>;

  // `remembered`: the oldest first. `save` gets each file that is added from here on.
  explicit LeftAlone(std::vector<FileVersion> remembered = {}, Save save = {},
                     std::size_t most = kMost);

  void add(FileVersion file);
  // The same, but does not save it.
  void learn(FileVersion file);
  std::vector<FileVersion> all() const;  // the oldest first
  // Whether it has been added and has not changed since.
  bool contains(const Object& object) const;
  void stop_saving();

 private:
  void remember(FileVersion file);

  const std::size_t most_;
  std::atomic<bool> is_empty_{true};  // then no repair needs to identify its file
  mutable std::mutex mutex_;
  Save save_;
  std::unordered_map<FileId, std::int64_t> changed_;
  std::deque<FileId> oldest_first_;
};

}  // namespace guard
