// Lets through so many a second and counts the rest. What does not get through at once is held, one
// of it, until it can be told with how many others there were: nobody is left believing that it was
// quiet. One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace guard::bus {

template <typename Record>
class Gate {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Limits {
    double rate = 50;    // a second
    double burst = 100;  // at once, after a quiet time
  };
  struct Held {
    Record record;
    std::uint64_t folded = 0;  // others, since the last one that was told
  };

  explicit Gate(Limits limits) : limits_(limits), tokens_(limits.burst) {}

  // True: it is to be told now. Else it waits, or is counted with those that do.
  bool pass(const Record& record, Time now) {
    if (!held_ && take(now)) return true;
    fold(record, now);
    return false;
  }
  // The same for what could not be told although it passed.
  void fold(const Record& record, Time now) {
    // A copy of each would cost more than all else where there are many.
    if (held_ && now - held_since_ < kFresh) {
      ++held_->folded;
      return;
    }
    held_since_ = now;
    const auto before = held_ ? held_->folded + 1 : 0;
    held_ = Held{record, before};
  }
  // What is to be told now of those that wait.
  std::optional<Held> due(Time now) {
    if (!held_ || !take(now)) return std::nullopt;
    return std::exchange(held_, std::nullopt);
  }
  std::optional<Time> next() const {
    if (!held_) return std::nullopt;
    const std::chrono::duration<double> wait(std::max(0.0, 1 - tokens_) / limits_.rate);
    return filled_ + std::chrono::ceil<std::chrono::milliseconds>(wait);
  }

 private:
  static constexpr auto kFresh = std::chrono::milliseconds(5);

  bool take(Time now) {
    const std::chrono::duration<double> passed = now - filled_;
    tokens_ = std::min(limits_.burst, tokens_ + std::max(0.0, passed.count()) * limits_.rate);
    filled_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

  Limits limits_;
  double tokens_;
  Time filled_;
  std::optional<Held> held_;
  Time held_since_;
};

}  // namespace guard::bus
