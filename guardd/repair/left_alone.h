// The files of which a person has undone what guardd did, and those that an excused one has left,
// as they were left by that: until somebody changes them again they are left alone. Bounded: the
// oldest is forgotten first, and may be put right once more. Any thread.
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

struct UndoneFile {
  FileId object;
  std::int64_t changed = 0;  // its ctime, in nanoseconds
};

class LeftAlone {
 public:
  static constexpr std::size_t kMost = 50'000;
  using Keep = std::function<void(UndoneFile)>;

  // With what was remembered, the oldest first. `keep` is given what is added from here on.
  explicit LeftAlone(std::vector<UndoneFile> remembered = {}, Keep keep = {},
                     std::size_t most = kMost);

  void add(UndoneFile file);
  // It was undone, and nobody has changed it since.
  bool is_untouched(const Object& object) const;
  // Whoever kept it ends.
  void keep_no_more();

 private:
  void remember(UndoneFile file);

  const std::size_t most_;
  std::atomic<bool> is_empty_{true};  // so that who puts right need not ask who a file is
  mutable std::mutex mutex_;
  Keep keep_;
  std::unordered_map<FileId, std::int64_t> changed_;
  std::deque<FileId> oldest_first_;
};

}  // namespace guard
