#include "guardd/permission/extra_readers.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <utility>

namespace guard {

std::size_t read_opens(const std::shared_ptr<PermissionGroup>& group, PermissionWatchdog& watchdog,
                       std::span<WaitingOpen> opens) {
  std::array<PermissionGroup::Request, PermissionGroup::kMostAtOnce> requests;
  const auto count =
      group->read(std::span(requests).first(std::min(requests.size(), opens.size())));
  const auto now = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    opens[i] = {};
    opens[i].event = std::make_shared<PermissionEvent>(group, std::move(requests.at(i).file),
                                                       requests.at(i).thread);
    watchdog.add(opens[i].event, now);
  }
  return count;
}

ExtraReaders::~ExtraReaders() {
  for (auto& each : threads_) each.request_stop();
  changed_.notify_all();
}

// On two processors, a second reader would take one from those who open: the 99th percentile of
// eight openers was a fifth higher with it.
void ExtraReaders::start(std::size_t readers) {
  if (readers == 0) readers = std::thread::hardware_concurrency() / 2;
  for (std::size_t number = 1; number <= kMost && number < readers; ++number)
    threads_.emplace_back([this, number](const std::stop_token& stop) { run(stop, number); });
}

void ExtraReaders::help(const std::shared_ptr<PermissionGroup>& group) {
  if (idle_ == 0) return;
  {
    const std::lock_guard lock(mutex_);
    group_ = group;
  }
  changed_.notify_one();
}

std::vector<WaitingOpen> ExtraReaders::take() {
  if (!has_unanswered_) return {};
  const std::lock_guard lock(mutex_);
  has_unanswered_ = false;
  return std::exchange(unanswered_, {});
}

void ExtraReaders::give_back(WaitingOpen open) {
  {
    const std::lock_guard lock(mutex_);
    unanswered_.push_back(std::move(open));
    has_unanswered_ = true;
  }
  const std::uint64_t one = 1;
  (void)::write(wake_, &one, sizeof one);  // EAGAIN: it is awake already
}

void ExtraReaders::run(const std::stop_token& stop, std::size_t number) {
  QuickAnswers answers(terms_, counters_, watchdog_, follow_up_);
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    ++idle_;
    const bool found = changed_.wait(lock, stop, [this] { return group_ != nullptr; });
    --idle_;
    if (!found) return;
    const auto group = std::exchange(group_, nullptr);
    lock.unlock();
    for (bool is_more = true; is_more && !stop.stop_requested();) {
      const BusyReader busy(watchdog_, number);
      is_more = answer_some(group, answers);
    }
    lock.lock();
  }
}

// False: none waited.
bool ExtraReaders::answer_some(const std::shared_ptr<PermissionGroup>& group,
                               QuickAnswers& answers) {
  std::array<WaitingOpen, kAtOnce> opens;
  const auto count = read_opens(group, watchdog_, opens);
  for (std::size_t i = 0; i < count; ++i)
    if (answers.answer(opens.at(i)) != QuickAnswers::Step::kAnswered)
      give_back(std::move(opens.at(i)));
  return count > 0;
}

}  // namespace guard
