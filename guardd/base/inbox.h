// A bounded queue from threads to the daemon's loop, with a descriptor that wakes the loop. put()
// waits while the queue is full; take() never waits, and leaves what would take the loop too long.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <stop_token>
#include <utility>
#include <vector>

#include "policy/base/handle.h"

namespace guard {

template <typename T>
class Inbox {
 public:
  static constexpr std::size_t kMost = 4096;
  static constexpr std::size_t kMostAtOnce = 256;

  int fd() const { return wake_.get(); }  // readable when take() returns items

  // False if `stop` was requested while it waited: the item is dropped.
  bool put(T item, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    // The wait itself costs more than everything else here.
    if (items_.size() >= kMost && !room_.wait(lock, stop, [&] { return items_.size() < kMost; })) {
      return false;
    }
    if (items_.empty()) wake();
    items_.push_back(std::move(item));
    return true;
  }

  std::vector<T> take() {
    const std::lock_guard lock(mutex_);
    room_.notify_all();
    if (items_.size() > kMostAtOnce) {
      const auto end = items_.begin() + kMostAtOnce;
      std::vector<T> some(std::make_move_iterator(items_.begin()), std::make_move_iterator(end));
      items_.erase(items_.begin(), end);
      return some;
    }
    std::uint64_t count = 0;
    (void)::read(wake_.get(), &count, sizeof count);  // only resets it; EAGAIN is fine
    return std::exchange(items_, {});
  }

 private:
  void wake() {
    const std::uint64_t one = 1;
    (void)::write(wake_.get(), &one, sizeof one);  // EAGAIN: the loop is awake already
  }

  Fd wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex_;
  std::condition_variable_any room_;
  std::vector<T> items_;
};

}  // namespace guard
