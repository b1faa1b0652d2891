// Shares work between the threads of a walk: unread directories, and parts of large ones. Bounded,
// so that memory and descriptors do not grow with the tree: a thread walks itself what does not
// fit. Ends when no thread has work. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "guardd/repair/directory.h"

namespace guard {

// For one call of getdents64: about a thousand names.
struct NameBuffer {
  alignas(8) std::array<char, 32768> bytes;
};

struct WalkItem {
  std::shared_ptr<Directory> directory;
  bool closed = false;                // as Descent::kClosed says
  std::unique_ptr<NameBuffer> names;  // null: the whole directory, else only these
  std::size_t end = 0;
};

class WalkQueue {
 public:
  WalkQueue(std::size_t capacity, unsigned threads)
      : capacity_(capacity), wanted_(threads > 1 ? capacity : 0), threads_(threads) {}

  // Whether another thread needs work. Only a hint: it costs one load.
  bool needs_work() const { return size_.load(std::memory_order_relaxed) < wanted_; }

  // False: there is no room, and `item` is unchanged.
  bool offer(WalkItem& item);

  // A thread could not be started.
  void remove_thread();

  // The next item. Empty at the end of the walk, or after a stop.
  std::optional<WalkItem> take(const std::stop_token& stop);

 private:
  const std::size_t capacity_;
  const std::size_t wanted_;  // 0 for a single thread
  unsigned threads_;
  std::atomic<std::size_t> size_{0};
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<WalkItem> items_;
  unsigned waiting_ = 0;
  bool done_ = false;
};

}  // namespace guard
