// Lets notices gather. Each that wakes the loop is paid for by whoever caused it; where one follows
// the other, more gather for a moment. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <optional>

#include <systemd/sd-event.h>

#include "guardd/host/clock.h"
#include "policy/base/handle.h"

namespace guard {

class WakeupBatching {
 public:
  // What wakes the loop when there are notices.
  void take(sd_event_source* ready) { ready_.reset(ready); }

  // Notices have woken the loop. `may`: not where a process can only be asked for while it lives.
  void woken(SteadyTime now, bool may) {
    in_a_row_ = now - woken_at_ < 2 * kMoment ? in_a_row_ + 1 : 0;
    woken_at_ = now;
    if (in_a_row_ < kFew || !may) return;
    until_ = now + kMoment;
    (void)sd_event_source_set_enabled(ready_.get(), SD_EVENT_OFF);
  }
  bool is_on() const { return until_.has_value(); }
  std::optional<SteadyTime> until() const { return until_; }
  void end_if_due(SteadyTime now) {
    if (!until_ || *until_ > now) return;
    until_.reset();
    (void)sd_event_source_set_enabled(ready_.get(), SD_EVENT_ON);
  }

 private:
  static constexpr auto kMoment = std::chrono::milliseconds(1);
  static constexpr unsigned kFew = 4;

  Handle<sd_event_source, sd_event_source_disable_unref> ready_;
  std::optional<SteadyTime> until_;
  SteadyTime woken_at_;
  unsigned in_a_row_ = 0;
};

}  // namespace guard
