// Batches notices when they come fast: each wake-up of the loop costs CPU time, so after a few in a
// row the loop stops listening for a moment. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include <systemd/sd-event.h>

#include "guardd/host/clock.h"
#include "policy/base/handle.h"

namespace guard {

class WakeupBatching {
 public:
  // Takes an event source that wakes the loop when there are notices.
  void add(sd_event_source* ready) { ready_.emplace_back(ready); }

  // Notices woke the loop. `may_wait`: no if processes can only be identified while they run.
  void woken(SteadyTime now, bool may_wait) {
    in_a_row_ = now - woken_at_ < 2 * kMoment ? in_a_row_ + 1 : 0;
    woken_at_ = now;
    if (in_a_row_ < kFew || !may_wait) return;
    until_ = now + kMoment;
    enable(SD_EVENT_OFF);
  }
  bool is_on() const { return until_.has_value(); }
  std::optional<SteadyTime> until() const { return until_; }
  void end_if_due(SteadyTime now) {
    if (!until_ || *until_ > now) return;
    until_.reset();
    enable(SD_EVENT_ON);
  }

 private:
  static constexpr auto kMoment = std::chrono::milliseconds(1);
  static constexpr unsigned kFew = 4;

  void enable(int how) {
    for (const auto& each : ready_) (void)sd_event_source_set_enabled(each.get(), how);
  }

  std::vector<Handle<sd_event_source, sd_event_source_disable_unref>> ready_;
  std::optional<SteadyTime> until_;
  SteadyTime woken_at_;
  unsigned in_a_row_ = 0;
};

}  // namespace guard
