// How fast a scan may go, and how much it gives way: idle I/O priority and niceness for the threads
// that ask for it, and a rate that all threads of a scan share. Any thread, no lock but to sleep.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>

namespace guard {

// The calling thread comes after everybody else from now on. What the kernel refuses is left as it
// is: a scan that is less polite is better than none.
void step_back();

// Whether anybody works in the trees at the moment. Any thread.
class InUse {
 public:
  void stir();
  bool is_now() const;

 private:
  std::atomic<std::int64_t> last_{0};  // monotonic nanoseconds
};

class Pace {
 public:
  // While somebody works in the trees, the rate is kRateInUse at most.
  static constexpr std::uint64_t kRateInUse = 100'000;

  explicit Pace(std::uint64_t objects_per_second,  // 0: as fast as it goes
                const InUse* in_use = nullptr)
      : rate_(objects_per_second), in_use_(in_use) {}

  // How many objects to look at between two calls of breathe().
  std::uint64_t stride() const;

  // Waits until `objects` more may be looked at, or until stop.
  void breathe(std::uint64_t objects, const std::stop_token& stop);

 private:
  std::uint64_t rate_now() const;

  const std::uint64_t rate_;
  const InUse* in_use_;
  std::atomic<std::int64_t> free_at_{
      0};  // monotonic nanoseconds: when what was promised is used up
  std::mutex mutex_;
  std::condition_variable_any slept_;
};

}  // namespace guard
