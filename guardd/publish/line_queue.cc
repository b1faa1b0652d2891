#include "guardd/publish/line_queue.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string_view>
#include <utility>

#include "guardd/host/thread.h"
#include "policy/base/handle.h"

namespace guard {
namespace {

using Clock = std::chrono::steady_clock;

// After an error that can pass (no reader, a full disk), the queue retries after this time, doubled
// each time.
constexpr std::chrono::milliseconds kFirstRetry{50};
constexpr std::chrono::milliseconds kLastRetry{2000};

}  // namespace

struct LineQueue::State {
  State(Limits limits_in, LossLine loss_line_in, std::unique_ptr<Outlet> outlet_in, Fd wake_in)
      : limits(limits_in),
        loss_line(std::move(loss_line_in)),
        outlet(std::move(outlet_in)),
        wake(std::move(wake_in)) {}

  enum class WriteResult : std::uint8_t { kWritten, kTooLong, kGivenUp };

  // Guarded by the lock, except for the members of the thread.
  mutable std::mutex lock;
  std::condition_variable changed;
  const Limits limits;
  const LossLine loss_line;
  std::deque<std::string> lines;
  std::size_t bytes = 0;
  std::uint64_t lost = 0;        // in all
  std::uint64_t unreported = 0;  // lost since the last line that reported it
  bool stopping = false;
  bool given_up = false;  // stop() no longer waits for the remaining lines
  bool ended = false;
  Clock::time_point deadline = Clock::time_point::max();

  // Used by the thread only.
  const std::unique_ptr<Outlet> outlet;
  const Fd wake;  // readable: stop() was called
  std::chrono::milliseconds retry = kFirstRetry;

  void lose() {
    ++lost;
    ++unreported;
  }
  // Well below the bound, so that a slow reader gets long pieces with few gaps.
  bool has_room_again() const {
    return lines.size() <= limits.lines / 4 * 3 && bytes <= limits.bytes / 4 * 3;
  }
  void report_loss() noexcept {
    try {
      lines.push_back(loss_line(unreported));
      bytes += lines.back().size();
      unreported = 0;
    } catch (const std::exception&) {
      // Out of memory: it remains unreported for now.
    }
  }

  void run() noexcept;
  bool take(std::string& line);
  WriteResult write(std::string_view line);
  void wait_for_reader() const;
  bool wait_after_error();
  int poll_timeout() const;
};

// Waits for the next line. False: there will be none.
bool LineQueue::State::take(std::string& line) {
  std::unique_lock hold(lock);
  if (unreported > 0 && has_room_again()) report_loss();
  changed.wait(hold, [this] { return !lines.empty() || stopping; });
  if (lines.empty() || given_up || Clock::now() >= deadline) return false;
  line = std::move(lines.front());
  lines.pop_front();
  bytes -= line.size();
  return true;
}

int LineQueue::State::poll_timeout() const {
  const std::lock_guard hold(lock);
  if (deadline == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
}

void LineQueue::State::wait_for_reader() const {
  std::array<pollfd, 2> waits{{{outlet->descriptor(), POLLOUT, 0}, {wake.get(), POLLIN, 0}}};
  // No descriptor to wait for: the next write fails.
  if (waits[0].fd < 0) return;
  const int timeout = poll_timeout();
  // After stop() the wake descriptor stays readable, so only the deadline counts.
  (void)::poll(waits.data(), timeout < 0 ? 2 : 1, timeout);
}

// False: the queue is stopping, so another attempt is pointless.
bool LineQueue::State::wait_after_error() {
  std::unique_lock hold(lock);
  changed.wait_for(hold, retry, [this] { return stopping; });
  retry = std::min(retry * 2, kLastRetry);
  return !stopping;
}

// Writes the whole line, however long that takes.
LineQueue::State::WriteResult LineQueue::State::write(std::string_view line) {
  std::size_t done = 0;
  for (;;) {
    wait_for_reader();
    {
      const std::lock_guard hold(lock);
      if (given_up || Clock::now() >= deadline) return WriteResult::kGivenUp;
    }
    const auto wrote = outlet->write(line.substr(done));
    if (wrote > 0) {
      done += static_cast<std::size_t>(wrote);
      retry = kFirstRetry;
      if (done == line.size()) return WriteResult::kWritten;
      continue;
    }
    if (wrote == 0 || errno == EINTR || errno == EAGAIN) continue;
    if (errno == EMSGSIZE) return WriteResult::kTooLong;
    // The next reader gets the line from its beginning. On a full disk, writing continues where it
    // stopped.
    if (errno == EPIPE) done = 0;
    if (!wait_after_error()) return WriteResult::kGivenUp;
  }
}

void LineQueue::State::run() noexcept {
  std::string line;
  while (take(line)) {
    const auto result = write(line);
    if (result == WriteResult::kWritten) continue;
    const std::lock_guard hold(lock);
    if (!given_up) lose();
    if (result == WriteResult::kGivenUp) break;
  }
  const std::lock_guard hold(lock);
  lost += lines.size();
  lines.clear();
  bytes = 0;
  ended = true;
  changed.notify_all();
}

Result<std::unique_ptr<LineQueue>> LineQueue::start(int out, Limits limits, LossLine loss_line) {
  GUARD_TRY(auto outlet, open_outlet(out));
  return start(std::move(outlet), limits, std::move(loss_line));
}

Result<std::unique_ptr<LineQueue>> LineQueue::start(std::unique_ptr<Outlet> outlet, Limits limits,
                                                    LossLine loss_line) {
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return Error::from_errno(errno, "create an event descriptor");
  auto state =
      std::make_shared<State>(limits, std::move(loss_line), std::move(outlet), std::move(wake));

  // This thread must not receive the daemon's signals. SIGPIPE stays blocked: EPIPE reports it.
  auto thread = start_without_signals("start the writing thread", [state] { state->run(); });
  if (!thread) return std::move(thread).error();
  return std::unique_ptr<LineQueue>(new LineQueue(std::move(state), *std::move(thread)));
}

LineQueue::LineQueue(std::shared_ptr<State> state, std::thread thread)
    : state_(std::move(state)), thread_(std::move(thread)) {}

LineQueue::~LineQueue() {
  stop(std::chrono::seconds(1));
}

bool LineQueue::push(std::string line) noexcept {
  auto& state = *state_;
  const std::lock_guard hold(state.lock);
  try {
    if (state.unreported > 0 && state.has_room_again()) state.report_loss();
    if (state.unreported == 0 && !state.stopping && state.lines.size() < state.limits.lines &&
        state.bytes + line.size() <= state.limits.bytes) {
      line.shrink_to_fit();  // spare capacity would not be counted
      const auto size = line.size();
      state.lines.push_back(std::move(line));
      state.bytes += size;
      state.changed.notify_one();
      return true;
    }
  } catch (const std::exception&) {
    // Out of memory: lost, as if there were no room.
  }
  state.lose();
  return false;
}

bool LineQueue::loses_next() noexcept {
  auto& state = *state_;
  const std::lock_guard hold(state.lock);
  if (state.unreported == 0 || state.has_room_again()) return false;
  state.lose();
  return true;
}

std::uint64_t LineQueue::lost() const noexcept {
  const std::lock_guard hold(state_->lock);
  return state_->lost;
}

bool LineQueue::stop(std::chrono::milliseconds deadline) noexcept {
  if (!thread_.joinable()) return lost() == 0;
  auto& state = *state_;
  std::unique_lock hold(state.lock);
  state.stopping = true;
  state.deadline = Clock::now() + deadline;
  if (state.unreported > 0) state.report_loss();
  (void)::eventfd_write(state.wake.get(), 1);
  state.changed.notify_all();
  // A moment longer than the thread's own deadline, which it meets unless it is blocked.
  const auto enough = state.deadline + std::chrono::milliseconds(50);
  const bool ended = state.changed.wait_until(hold, enough, [&] { return state.ended; });
  if (!ended) {
    state.given_up = true;
    state.lost += state.lines.size() + 1;
    state.lines.clear();
    hold.unlock();
    thread_.detach();
    return false;
  }
  hold.unlock();
  thread_.join();
  return lost() == 0;
}

}  // namespace guard
