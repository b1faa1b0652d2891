#include "guardd/repair/pace.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "guardd/host/clock.h"

namespace guard {
namespace {

// The kernel's header for these is not installed everywhere.
constexpr int kIoprioWhoProcess = 1;
constexpr int kIoprioIdle = 3 << 13;

constexpr int kNiceness = 10;

// Often enough that a stop is heard at once, rarely enough to cost nothing.
constexpr std::uint64_t kStride = 64;

// What was not used may be used later, but not more than this.
constexpr std::chrono::nanoseconds kSaved = std::chrono::milliseconds(20);

// So long after the last notice somebody is taken to be at it still.
constexpr std::chrono::nanoseconds kStirred = std::chrono::milliseconds(200);

}  // namespace

void InUse::stir() {
  last_.store(monotonic_ns(), std::memory_order_relaxed);
}

bool InUse::is_now() const {
  const auto last = last_.load(std::memory_order_relaxed);
  return last != 0 && monotonic_ns() - last < kStirred.count();
}

void step_back() {
  (void)::syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kIoprioIdle);
  // On Linux the niceness is the thread's own; 0 is the calling one.
  (void)::setpriority(PRIO_PROCESS, 0, kNiceness);
}

std::uint64_t Pace::stride() const {
  return rate_ == 0 ? kStride : std::clamp<std::uint64_t>(rate_ / 50, 1, kStride);
}

std::uint64_t Pace::rate_now() const {
  if (!in_use_ || !in_use_->is_now()) return rate_;
  return rate_ == 0 ? kRateInUse : std::min(rate_, kRateInUse);
}

void Pace::breathe(std::uint64_t objects, const std::stop_token& stop) {
  const auto rate = rate_now();
  if (rate == 0 || objects == 0) return;
  const auto now = monotonic_ns();
  const auto cost = static_cast<std::int64_t>(objects * 1'000'000'000U / rate);
  auto before = free_at_.load(std::memory_order_relaxed);
  std::int64_t mine = 0;
  do {
    mine = std::max(before, now - kSaved.count()) + cost;
  } while (!free_at_.compare_exchange_weak(before, mine, std::memory_order_relaxed));
  if (mine <= now) return;
  std::unique_lock lock(mutex_);
  (void)slept_.wait_for(lock, stop, std::chrono::nanoseconds(mine - now), [] { return false; });
}

}  // namespace guard
