// Limits how many records are published: so many per second, and so many at once after a quiet
// time. A token bucket. One thread.
#pragma once

#include <algorithm>
#include <chrono>

namespace guard {

class RateLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;

  RateLimit(double per_second, double burst)
      : per_second_(per_second), burst_(burst), tokens_(burst) {}

  void set(double per_second, double burst) {
    per_second_ = per_second;
    tokens_ += burst - burst_;
    burst_ = burst;
  }

  // True: there is room for one more record, which is counted.
  bool take(Time now) {
    const std::chrono::duration<double> passed = now - filled_;
    tokens_ = std::min(burst_, tokens_ + std::max(0.0, passed.count()) * per_second_);
    filled_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

  // When take() succeeds again.
  Time next() const {
    const std::chrono::duration<double> wait(std::max(0.0, 1 - tokens_) / per_second_);
    return filled_ + std::chrono::ceil<std::chrono::milliseconds>(wait);
  }

 private:
  double per_second_;
  double burst_;
  double tokens_;
  Time filled_;
};

}  // namespace guard
