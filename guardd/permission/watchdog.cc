#include "guardd/permission/watchdog.h"

#include <chrono>

#include "guardd/host/clock.h"
#include "guardd/permission/crash_release.h"

namespace guard {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kCheckEvery = std::chrono::milliseconds(50);
// A few opens take a reader microseconds. What holds it up this long may do so for ever.
constexpr auto kStuck = std::chrono::seconds(3);

}  // namespace

void PermissionWatchdog::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void PermissionWatchdog::use_settings(const AnswerSettings& settings) {
  const std::lock_guard lock(mutex_);
  settings_ = settings;
}

void PermissionWatchdog::begin(std::size_t reader) {
  busy_since_.at(reader) = monotonic_ns();
  if (is_awake_.exchange(true)) return;
  const std::lock_guard lock(mutex_);  // the thread may be about to sleep
  changed_.notify_all();
}

// Of the reader that has been busy for longest. 0: none is.
std::int64_t PermissionWatchdog::busy_since() const {
  std::int64_t first = 0;
  for (const auto& each : busy_since_)
    if (const auto since = each.load(); since != 0 && (first == 0 || since < first)) first = since;
  return first;
}

void PermissionWatchdog::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (!changed_.wait(lock, stop, [this] { return is_awake_.load(); })) return;
    (void)changed_.wait_for(lock, stop, kCheckEvery, [] { return false; });
    const auto deadline = std::chrono::duration_cast<Clock::duration>(settings_.deadline);
    const bool allow = settings_.on_deadline == Answer::kAllow;
    lock.unlock();
    for (const auto& late : pending_.take_older(Clock::now() - deadline))
      if (late->answer(allow)) ++counters_.late;
    const auto since = busy_since();
    if (since != 0 && monotonic_ns() - since > std::chrono::nanoseconds(kStuck).count())
      release_opens_and_die(
          "the thread that answers opens is stuck: guardd ends so that the kernel releases every "
          "waiting open");
    if (pending_.empty() && since == 0) is_awake_ = false;
    lock.lock();
  }
}

}  // namespace guard
