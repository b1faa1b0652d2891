#include "guardd/publish/terminal_publisher.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "guardd/host/terminal_text.h"
#include "guardd/host/thread.h"
#include "guardd/publish/advice.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kTerminalPathColumns = 80;
constexpr std::size_t kNameColumns = 40;
constexpr std::size_t kLineColumns = 320;

struct Notification {
  Uid person;
  std::vector<ProcessName> processes;
  std::string line;
};

std::string_view outcome_text(Outcome outcome) {
  constexpr std::array kTexts{"guardd only logged it", "guardd fixed it",
                              "guardd denied the change", "guardd could not fix it"};
  return kTexts[static_cast<std::size_t>(outcome)];
}

// The user at a terminal of this machine. Not in a container, where the message would not match the
// files that the user sees.
std::optional<Uid> person_at_terminal(const Actor& actor) {
  if (!actor.tty || actor.container) return std::nullopt;
  return actor.login_uid ? actor.login_uid : actor.uid;
}

std::vector<ProcessName> processes_of(const Actor& actor) {
  std::vector<ProcessName> names;
  if (actor.pid && actor.start_time) names.push_back({*actor.pid, *actor.start_time});
  for (const auto& each : actor.lineage)
    if (each.pid > 0 && each.start_time != 0) names.push_back({each.pid, each.start_time});
  return names;
}

}  // namespace

std::string terminal_line(const Incident& incident) {
  const auto& first = incident.first;
  auto text =
      fmt::format("guardd: {} should belong to {}; {} (policy {}).",
                  shortened_middle(escaped(first.path), kTerminalPathColumns),
                  shortened(wanted_owner_text(first), kNameColumns), outcome_text(first.action),
                  shortened(escaped(first.policy), kNameColumns));
  const auto advice = advice_for(incident);
  if (advice.commands.empty()) return text;
  auto instead = " Instead, use: " + advice.commands.front();
  if (advice.commands.size() == 1 && !advice.remark.empty()) instead += "  # " + advice.remark;
  // An incomplete command would be worse than none.
  if (columns_of(text) + columns_of(instead) <= kLineColumns) text += printable(instead);
  return text;
}

struct TerminalPublisher::State {
  explicit State(Ports ports_in) : ports(std::move(ports_in)) {}

  const Ports ports;
  // All members below are guarded by the lock.
  mutable std::mutex lock;
  std::condition_variable changed;
  std::deque<Notification> queue;
  std::uint64_t written = 0;
  std::uint64_t dropped = 0;
  bool stopping = false;
  bool ended = false;
  Clock::time_point deadline = Clock::time_point::max();

  void run() noexcept;
  bool write(const Notification& notification) const noexcept;
};

bool TerminalPublisher::State::write(const Notification& notification) const noexcept {
  try {
    const auto terminal = ports.open(notification.person, notification.processes);
    if (!terminal) return false;
    // On a line of its own, in any mode of the terminal.
    const auto text = "\r\n" + notification.line + "\r\n";
    return ::write(terminal.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  } catch (const std::exception&) {  // out of memory
    return false;
  }
}

void TerminalPublisher::State::run() noexcept {
  if (ports.begin) ports.begin();
  std::unique_lock hold(lock);
  for (;;) {
    changed.wait(hold, [this] { return !queue.empty() || stopping; });
    if (queue.empty() || Clock::now() >= deadline) break;
    const auto notification = std::move(queue.front());
    queue.pop_front();
    hold.unlock();
    const bool done = write(notification);
    hold.lock();
    ++(done ? written : dropped);
  }
  dropped += queue.size();
  queue.clear();
  ended = true;
  changed.notify_all();
}

Result<std::unique_ptr<TerminalPublisher>> TerminalPublisher::start(Ports ports) {
  auto state = std::make_shared<State>(std::move(ports));
  // This thread must not receive the daemon's signals, nor those that a terminal sends to
  // background processes that write to it.
  auto thread =
      start_without_signals("start the thread for terminal messages", [state] { state->run(); });
  if (!thread) return std::move(thread).error();
  return std::unique_ptr<TerminalPublisher>(
      new TerminalPublisher(std::move(state), *std::move(thread)));
}

TerminalPublisher::TerminalPublisher(std::shared_ptr<State> state, std::thread thread)
    : state_(std::move(state)), thread_(std::move(thread)) {}

TerminalPublisher::~TerminalPublisher() {
  finish(std::chrono::milliseconds(100));
}

void TerminalPublisher::incident_opened(const Incident& incident) noexcept {
  const auto& first = incident.first;
  if (!first.tell) return;
  const auto person = person_at_terminal(*first.actor);
  if (!person) return;
  auto& state = *state_;
  try {
    Notification notification{*person, processes_of(*first.actor), terminal_line(incident)};
    const std::lock_guard hold(state.lock);
    if (!state.stopping && state.queue.size() < kMostQueued) {
      state.queue.push_back(std::move(notification));
      state.changed.notify_one();
      return;
    }
  } catch (const std::exception&) {
    // Out of memory: dropped, as if there were no room.
  }
  const std::lock_guard hold(state.lock);
  ++state.dropped;
}

void TerminalPublisher::finish(std::chrono::milliseconds deadline) noexcept {
  if (!thread_.joinable()) return;
  auto& state = *state_;
  std::unique_lock hold(state.lock);
  state.stopping = true;
  state.deadline = Clock::now() + deadline;
  state.changed.notify_all();
  const bool ended = state.changed.wait_until(hold, state.deadline, [&] { return state.ended; });
  hold.unlock();
  if (ended)
    thread_.join();
  else
    thread_.detach();
}

std::uint64_t TerminalPublisher::written() const noexcept {
  const std::lock_guard hold(state_->lock);
  return state_->written;
}

std::uint64_t TerminalPublisher::dropped() const noexcept {
  const std::lock_guard hold(state_->lock);
  return state_->dropped;
}

}  // namespace guard
