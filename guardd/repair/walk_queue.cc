#include "guardd/repair/walk_queue.h"

#include <utility>

namespace guard {

bool WalkQueue::offer(WalkItem& item) {
  {
    const std::lock_guard lock(mutex_);
    if (items_.size() >= capacity_) return false;
    items_.push_back(std::move(item));
    size_.store(items_.size(), std::memory_order_relaxed);
    if (waiting_ == 0) return true;
  }
  changed_.notify_one();
  return true;
}

void WalkQueue::remove_thread() {
  const std::lock_guard lock(mutex_);
  --threads_;
  if (items_.empty() && waiting_ == threads_) {
    done_ = true;
    changed_.notify_all();
  }
}

std::optional<WalkItem> WalkQueue::take(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  ++waiting_;
  if (items_.empty() && waiting_ == threads_) {
    // All threads wait here, so none can find more work.
    done_ = true;
    changed_.notify_all();
    return std::nullopt;
  }
  (void)changed_.wait(lock, stop, [&] { return done_ || !items_.empty(); });
  if (stop.stop_requested() || items_.empty()) return std::nullopt;
  --waiting_;
  // The newest first: it is most likely in the cache.
  auto item = std::move(items_.back());
  items_.pop_back();
  size_.store(items_.size(), std::memory_order_relaxed);
  return item;
}

}  // namespace guard
