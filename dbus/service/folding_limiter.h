// Limits the rate of a signal. Keeps one of the records beyond the limit and counts the others, and
// sends it with that count as soon as there is room, so that no burst ends unreported. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "policy/base/rate_limit.h"

namespace guard::bus {

template <typename Record>
class FoldingLimiter {
 public:
  using Time = RateLimit::Time;
  struct DelayedRecord {
    Record record;
    std::uint64_t folded = 0;  // other records since the last one that was sent
  };

  FoldingLimiter(double per_second, double burst) : limit_(per_second, burst) {}

  // True: send the record now. False: it is kept or counted for later.
  bool pass(const Record& record, Time now) {
    if (!delayed_ && limit_.take(now)) return true;
    fold(record, now);
    return false;
  }
  // Keeps or counts a record that passed but could not be sent.
  void fold(const Record& record, Time now) {
    // Copying each record would be the most expensive part of a burst.
    if (delayed_ && now - kept_at_ < kFresh) {
      ++delayed_->folded;
      return;
    }
    kept_at_ = now;
    const auto before = delayed_ ? delayed_->folded + 1 : 0;
    delayed_ = DelayedRecord{record, before};
  }
  // The delayed record, if there is room for it now.
  std::optional<DelayedRecord> take_due(Time now) {
    if (!delayed_ || !limit_.take(now)) return std::nullopt;
    return std::exchange(delayed_, std::nullopt);
  }
  std::optional<Time> next() const {
    return delayed_ ? std::optional(limit_.next()) : std::nullopt;
  }

 private:
  static constexpr auto kFresh = std::chrono::milliseconds(5);

  RateLimit limit_;
  std::optional<DelayedRecord> delayed_;
  Time kept_at_;
};

}  // namespace guard::bus
