// Those who wait for an answer, and since when: for the monitor, which answers in place of whoever
// takes too long. Any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "guardd/permission/event.h"

namespace guard {

class PendingOpens {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void add(std::shared_ptr<PermissionEvent> event, Time now) {
    const std::lock_guard lock(mutex_);
    all_.push_back({std::move(event), now});
  }
  void remove(const PermissionEvent& event) {
    const std::lock_guard lock(mutex_);
    std::erase_if(all_, [&](const PendingOpen& each) { return each.event.get() == &event; });
  }

  // Those since before `then`, who do not wait any more by this.
  std::vector<std::shared_ptr<PermissionEvent>> take_since(Time then) {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<PermissionEvent>> late;
    std::erase_if(all_, [&](PendingOpen& each) {
      if (each.since > then) return false;
      late.push_back(std::move(each.event));
      return true;
    });
    return late;
  }
  bool empty() const {
    const std::lock_guard lock(mutex_);
    return all_.empty();
  }

 private:
  struct PendingOpen {
    std::shared_ptr<PermissionEvent> event;
    Time since;
  };

  mutable std::mutex mutex_;
  std::vector<PendingOpen> all_;
};

}  // namespace guard
