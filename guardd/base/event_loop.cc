#include "guardd/base/event_loop.h"

#include <sys/epoll.h>

#include <csignal>
#include <cstdint>
#include <utility>

namespace guard {
namespace {

int on_io(sd_event_source* /*source*/, int /*fd*/, std::uint32_t /*events*/,
          void* callback) noexcept {
  (*static_cast<EventLoop::Callback*>(callback))();
  return 0;
}

int on_signal_event(sd_event_source* /*source*/, const signalfd_siginfo* /*signal*/,
                    void* callback) noexcept {
  (*static_cast<EventLoop::Callback*>(callback))();
  return 0;
}

}  // namespace

Status EventLoop::open() {
  sd_event* loop = nullptr;
  if (const int code = sd_event_new(&loop); code < 0) return Error::from_errno(-code, "event loop");
  loop_.reset(loop);
  return {};
}

Status EventLoop::on_readable(int fd, Callback callback, sd_event_source** source) {
  auto& kept = callbacks_.emplace_back(std::make_unique<Callback>(std::move(callback)));
  const int code = sd_event_add_io(loop_.get(), source, fd, EPOLLIN, on_io, kept.get());
  return code < 0 ? Status(Error::from_errno(-code, "event loop")) : Status();
}

void EventLoop::block(std::initializer_list<int> signals) {
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int signal : signals) sigaddset(&blocked, signal);
  (void)::sigprocmask(SIG_BLOCK, &blocked, nullptr);
}

Status EventLoop::on_signal(int signal, Callback callback) {
  auto& kept = callbacks_.emplace_back(std::make_unique<Callback>(std::move(callback)));
  const int code = sd_event_add_signal(loop_.get(), nullptr, signal, on_signal_event, kept.get());
  return code < 0 ? Status(Error::from_errno(-code, "signal")) : Status();
}

void EventLoop::every_turn(Next next, Work work) {
  parts_.push_back({std::move(next), std::move(work)});
}

void EventLoop::run() {
  do {
    turn();
  } while (sd_event_run(loop_.get(), wait_us()) >= 0 &&
           sd_event_get_state(loop_.get()) != SD_EVENT_FINISHED);
}

void EventLoop::turn() {
  for (const auto& part : parts_) part.work(std::chrono::steady_clock::now());
}

std::uint64_t EventLoop::wait_us() const {
  std::optional<SteadyTime> next;
  for (const auto& part : parts_)
    if (const auto due = part.next(); due && (!next || *due < *next)) next = due;
  if (!next) return UINT64_MAX;
  const auto now = std::chrono::steady_clock::now();
  if (*next <= now) return 0;
  const auto wait = std::chrono::duration_cast<std::chrono::microseconds>(*next - now);
  return static_cast<std::uint64_t>(wait.count()) + 1;
}

}  // namespace guard
