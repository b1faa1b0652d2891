#include "guardd/permission/reader.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace guard {
namespace {

using Clock = std::chrono::steady_clock;

// A process that opens one file after another is waited for this long without sleeping, for so many
// opens in a row: waking up takes longer than answering.
constexpr auto kEager = std::chrono::microseconds(50);
constexpr unsigned kInARow = 32;
// How long a group that was left out is still read.
constexpr auto kGrace = std::chrono::milliseconds(100);
// How soon guardd looks again at a thread that does not sleep yet.
constexpr auto kAgain = std::chrono::milliseconds(1);
constexpr std::size_t kNumber = 0;       // the others' begin at one
constexpr std::size_t kFirstSource = 3;  // in what is polled

}  // namespace

PermissionReader::PermissionReader(OpenHandler& handler, PermissionWatchdog& watchdog,
                                   ExtraReaders& extra, int wake)
    : handler_(handler), watchdog_(watchdog), extra_(extra), wake_(wake) {}

PermissionReader::~PermissionReader() {
  thread_.request_stop();
  wake();
}

void PermissionReader::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void PermissionReader::use(Groups groups) {
  {
    const std::lock_guard lock(mutex_);
    groups_ = std::make_shared<const Groups>(std::move(groups));
  }
  wake();
}

void PermissionReader::wake() const {
  const std::uint64_t one = 1;
  (void)::write(wake_, &one, sizeof one);  // EAGAIN: it is awake already
}

void PermissionReader::run(const std::stop_token& stop) {
  Clock::time_point answered;
  while (!stop.stop_requested()) {
    take_groups();
    const int ready = wait(release_left());
    if (ready > 0 && polled_[0].revents != 0) {  // before what it may be about
      std::uint64_t count = 0;
      (void)::read(wake_, &count, sizeof count);
    }
    handler_.work_helpers(Clock::now());
    for (auto& open : extra_.take()) answer(std::move(open));
    answer_again();
    if (ready <= 0) continue;
    const bool is_eager = Clock::now() - answered < 2 * kEager;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (polled_[i + kFirstSource].revents == 0) continue;
      (void)answer_some(sources_[i].group);
      if (is_eager) answer_burst(sources_[i].group);
    }
    answered = Clock::now();
  }
}

void PermissionReader::take_groups() {
  std::shared_ptr<const Groups> groups;
  {
    const std::lock_guard lock(mutex_);
    groups = groups_;
  }
  if (groups == known_) return;
  known_ = std::move(groups);
  for (auto& each : sources_)
    if (!each.leaves_at && std::find(known_->begin(), known_->end(), each.group) == known_->end())
      each.leaves_at = Clock::now() + kGrace;
  for (const auto& group : *known_)
    if (std::none_of(sources_.begin(), sources_.end(),
                     [&](const Source& each) { return each.group == group; }))
      sources_.push_back({group, std::nullopt});
}

// Whether any group was on its way out.
bool PermissionReader::release_left() {
  bool any_leaves = false;
  for (auto& each : sources_) {
    if (!each.leaves_at) continue;
    any_leaves = true;
    if (*each.leaves_at > Clock::now()) continue;
    each.group->release_all();
    while (answer_some(each.group)) {
    }
    each.group.reset();
  }
  std::erase_if(sources_, [](const Source& each) { return !each.group; });
  return any_leaves;
}

int PermissionReader::wait(bool any_leaves) {
  polled_.assign({{wake_, POLLIN, 0},
                  {handler_.helpers_fd(), POLLIN, 0},
                  {handler_.open_helpers_fd(), POLLIN, 0}});
  for (const auto& each : sources_) polled_.push_back({each.group->fd(), POLLIN, 0});
  std::optional<Clock::duration> most;
  const auto limit = [&](Clock::duration to) { most = std::min(most.value_or(to), to); };
  if (any_leaves) limit(kGrace);
  if (!to_answer_again_.empty()) limit(kAgain);
  if (const auto next = handler_.next()) limit(std::max(*next - Clock::now(), Clock::duration()));
  const auto timeout =
      most ? std::chrono::ceil<std::chrono::milliseconds>(*most) : std::chrono::milliseconds(-1);
  return ::poll(polled_.data(), polled_.size(), static_cast<int>(timeout.count()));
}

void PermissionReader::answer(WaitingOpen&& waiting) {
  const BusyReader busy(watchdog_, kNumber);
  auto open = std::move(waiting);  // its file may be closed here
  if (!handler_.answer(open)) to_answer_again_.push_back(std::move(open));
}

void PermissionReader::answer_again() {
  for (auto& open : std::exchange(to_answer_again_, {}))
    if (!open.event->is_answered()) answer(std::move(open));
}

// Answers what waits in the group now. False: nothing did.
bool PermissionReader::answer_some(const std::shared_ptr<PermissionGroup>& group) {
  const BusyReader busy(watchdog_, kNumber);
  std::array<WaitingOpen, PermissionGroup::kMostAtOnce> opens;
  const std::span all(opens);
  const auto taken = extra_.any() ? all.first(ExtraReaders::kAtOnce) : all;
  const auto count = read_opens(group, watchdog_, taken);
  if (count == ExtraReaders::kAtOnce) extra_.help(group);
  for (auto& open : all.first(count)) {
    if (!handler_.answer(open)) to_answer_again_.push_back(std::move(open));
  }
  return count > 0;
}

// Answers opens that follow one another, for a moment only: others wait as well.
void PermissionReader::answer_burst(const std::shared_ptr<PermissionGroup>& group) {
  auto last = Clock::now();
  for (unsigned answered = 0; answered < kInARow && to_answer_again_.empty();) {
    if (handler_.is_fixing()) handler_.work_helpers(last);
    const bool any = answer_some(group);
    const auto now = Clock::now();
    if (any) {
      ++answered;
      last = now;
    } else if (now - last >= kEager) {
      return;
    } else {
      (void)::sched_yield();  // lets the opener run if it waits for this processor
    }
  }
}

}  // namespace guard
