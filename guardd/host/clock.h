// The clock that is never set, as a number: for what is kept in an atomic or told to others.
// Any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace guard {

inline std::int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline std::uint64_t monotonic_us() {
  return static_cast<std::uint64_t>(monotonic_ns()) / 1000;
}

}  // namespace guard
