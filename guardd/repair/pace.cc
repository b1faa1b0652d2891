#include "guardd/repair/pace.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "guardd/host/clock.h"

namespace guard {
namespace {

// The kernel header for these is not installed everywhere.
constexpr int kIoprioWhoProcess = 1;
constexpr int kIoprioIdle = 3 << 13;

constexpr int kNiceness = 10;

// Often enough to notice a stop at once, rarely enough to cost nothing.
constexpr std::uint64_t kStride = 64;

// Unused time may be used later, up to this.
constexpr std::chrono::nanoseconds kMostSaved = std::chrono::milliseconds(20);

// Activity counts as recent for this long.
constexpr std::chrono::nanoseconds kRecent = std::chrono::milliseconds(200);

}  // namespace

void TreeActivity::note() {
  last_.store(monotonic_ns(), std::memory_order_relaxed);
}

bool TreeActivity::is_recent() const {
  const auto last = last_.load(std::memory_order_relaxed);
  return last != 0 && monotonic_ns() - last < kRecent.count();
}

void lower_priority() {
  (void)::syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kIoprioIdle);
  // On Linux each thread has its own niceness; 0 is the calling thread.
  (void)::setpriority(PRIO_PROCESS, 0, kNiceness);
}

std::uint64_t Pace::stride() const {
  return rate_ == 0 ? kStride : std::clamp<std::uint64_t>(rate_ / 50, 1, kStride);
}

std::uint64_t Pace::rate_now() const {
  if (!activity_ || !activity_->is_recent()) return rate_;
  return rate_ == 0 ? kActiveRate : std::min(rate_, kActiveRate);
}

void Pace::wait(std::uint64_t objects, const std::stop_token& stop) {
  const auto rate = rate_now();
  if (rate == 0 || objects == 0) return;
  const auto now = monotonic_ns();
  const auto cost = static_cast<std::int64_t>(objects * 1'000'000'000U / rate);
  auto before = free_at_.load(std::memory_order_relaxed);
  std::int64_t mine = 0;
  do {
    mine = std::max(before, now - kMostSaved.count()) + cost;
  } while (!free_at_.compare_exchange_weak(before, mine, std::memory_order_relaxed));
  if (mine <= now) return;
  std::unique_lock lock(mutex_);
  (void)slept_.wait_for(lock, stop, std::chrono::nanoseconds(mine - now), [] { return false; });
}

}  // namespace guard
