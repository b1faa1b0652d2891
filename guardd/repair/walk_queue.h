// What the threads of a walk give each other: directories nobody has begun, and stretches of large
// ones. Bounded, so that neither memory nor descriptors grow with the tree: what does not fit, its
// finder walks. Ends by itself when nobody has work. Any thread.
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

// Room for what one getdents64 returns: about a thousand names.
struct NameBuffer {
  alignas(8) std::array<char, 32768> bytes;
};

struct WalkItem {
  std::shared_ptr<Directory> directory;
  bool closed = false;                // as Descent::kClosed says
  std::unique_ptr<NameBuffer> names;  // null: all of the directory; else this much of it
  std::size_t end = 0;
};

class WalkQueue {
 public:
  WalkQueue(std::size_t capacity, unsigned threads)
      : capacity_(capacity), wish_(threads > 1 ? capacity : 0), threads_(threads) {}

  // Whether another thread would be glad of work. Only a hint: it costs one load.
  bool wanted() const { return size_.load(std::memory_order_relaxed) < wish_; }

  // Takes the item, or leaves it as it is.
  bool offer(WalkItem& item);

  // A thread that was counted on is not coming.
  void without_one();

  // The next item. Empty when there will be none any more: all is done, or it was stopped.
  std::optional<WalkItem> take(const std::stop_token& stop);

 private:
  const std::size_t capacity_;
  const std::size_t wish_;  // one thread alone keeps what it finds
  unsigned threads_;
  std::atomic<std::size_t> size_{0};
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<WalkItem> items_;
  unsigned waiting_ = 0;
  bool done_ = false;
};

}  // namespace guard
