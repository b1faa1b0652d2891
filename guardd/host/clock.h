// Times as numbers: of the monotonic clock, for atomics and other programs, and of files. Any
// thread.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>

namespace guard {

using SteadyTime = std::chrono::steady_clock::time_point;

inline std::int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline std::uint64_t monotonic_us() {
  return static_cast<std::uint64_t>(monotonic_ns()) / 1000;
}

// The clock that stamps files. To compare file times with each other, never with other clocks.
// Since Linux 6.13 a stamp can be exact: it is never earlier than this clock was then, as before.
inline std::int64_t file_time_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

// File times advance in steps of up to 10 ms: within a step, a second change does not show.
inline bool is_past(std::int64_t file_time) {
  return file_time_now() - file_time >= 20'000'000;
}

// RFC 3339, UTC, rounded up.
std::string to_the_second(std::chrono::system_clock::time_point time);

// Since 1970; 0 for a time before.
inline std::uint64_t microseconds_of(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch());
  return since.count() < 0 ? 0 : static_cast<std::uint64_t>(since.count());
}
inline std::int64_t nanoseconds(const statx_timestamp& time) {
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

}  // namespace guard
