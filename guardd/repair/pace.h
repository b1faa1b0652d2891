// Limits how much a scan disturbs the machine: idle I/O priority and niceness for its threads, and
// a rate that they share. Any thread; takes a lock only to sleep.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>

namespace guard {

// Lowers the priority of the calling thread. Errors are ignored: a scan at full priority is better
// than none.
void lower_priority();

// Whether files in the trees are changing at the moment. Any thread.
class TreeActivity {
 public:
  void note();
  bool is_recent() const;

 private:
  std::atomic<std::int64_t> last_{0};  // monotonic nanoseconds
};

class Pace {
 public:
  // The highest rate while there is activity in the trees.
  static constexpr std::uint64_t kActiveRate = 100'000;

  explicit Pace(std::uint64_t objects_per_second,  // 0: unlimited
                const TreeActivity* activity = nullptr)
      : rate_(objects_per_second), activity_(activity) {}

  // How many objects to check between two calls of wait().
  std::uint64_t stride() const;

  // Waits until `objects` more may be checked, or until stop.
  void wait(std::uint64_t objects, const std::stop_token& stop);

 private:
  std::uint64_t rate_now() const;

  const std::uint64_t rate_;
  const TreeActivity* activity_;
  // Monotonic nanoseconds: until then, the rate is used up.
  std::atomic<std::int64_t> free_at_{0};
  std::mutex mutex_;
  std::condition_variable_any slept_;
};

}  // namespace guard
