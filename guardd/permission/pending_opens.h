// The opens that wait for an answer, and since when. Any thread.
#pragma once

#include <chrono>
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

  // Removes and returns the opens that have waited since `then` or longer.
  std::vector<std::shared_ptr<PermissionEvent>> take_older(Time then) {
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
