#include "guardd/service/notify.h"

#include <algorithm>
#include <cinttypes>
#include <cstdlib>
#include <utility>

#include <systemd/sd-daemon.h>

#include "guardd/host/clock.h"

namespace guard {
namespace {

using namespace std::chrono_literals;

// At most one status line a second, so that no user can flood PID 1 by causing incidents.
constexpr auto kPace = 1s;

}  // namespace

bool AnswerProgress::is_fine(const Count& seen, SteadyTime now, std::chrono::nanoseconds longest) {
  const bool progresses = seen.answers >= seen.events || seen.answers != answers_;
  answers_ = seen.answers;
  if (progresses) {
    behind_since_.reset();
    return true;
  }
  if (!behind_since_) behind_since_ = now;
  return now - *behind_since_ <= longest;
}

ServiceManager::Send ServiceManager::of_this_process() {
  if (!std::getenv("NOTIFY_SOCKET")) return nullptr;  // NOLINT(concurrency-mt-unsafe)
  return [](const std::string& state) { (void)sd_notify(0, state.c_str()); };
}

std::optional<std::chrono::microseconds> ServiceManager::watchdog_of_this_process() {
  std::uint64_t interval = 0;
  if (sd_watchdog_enabled(0, &interval) <= 0) return std::nullopt;
  return std::chrono::microseconds(interval);
}

void ServiceManager::set_status(StatusFacts facts) {
  facts_ = std::move(facts);
  may_be_stale_ = true;
}

void ServiceManager::notify_ready() {
  is_ready_ = true;
  sent_ = line();
  if (send_) send_("READY=1\n" + sent_);
}

void ServiceManager::notify_reloading() {
  if (send_) send_("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_us()));
}

void ServiceManager::notify_reloaded() {
  notify_ready();
}

void ServiceManager::notify_stopping() {
  if (send_) send_("STOPPING=1\nSTATUS=Stopping");
  send_ = nullptr;
}

void ServiceManager::work(SteadyTime now) {
  if (!send_) return;
  if (watchdog_ && now >= pings_at_) ping(now);
  if (!is_ready_ || !may_be_stale_ || now < sent_at_ + kPace) return;
  may_be_stale_ = false;
  sent_at_ = now;
  if (auto next = line(); next != sent_) {
    sent_ = std::move(next);
    send_(sent_);
  }
}

// Twice in each interval. More often while answers are missing, so that a ping follows soon after
// the first answer.
void ServiceManager::ping(SteadyTime now) {
  const AnswerProgress::Count seen =
      answers_ ? AnswerProgress::Count{answers_->events, answers_->answers}
               : AnswerProgress::Count{};
  if (progress_.is_fine(seen, now, longest_answer_)) send_("WATCHDOG=1");
  pings_at_ = now + (progress_.is_behind() ? *watchdog_ / 20 : *watchdog_ / 2);
}

std::optional<SteadyTime> ServiceManager::next() const {
  if (!send_) return std::nullopt;
  std::optional<SteadyTime> due;
  if (watchdog_) due = pings_at_;
  if (is_ready_ && may_be_stale_) due = std::min(due.value_or(SteadyTime::max()), sent_at_ + kPace);
  return due;
}

void ServiceManager::incident_opened(const Incident& incident) noexcept {
  last_incident_ = guard::last_incident(incident, false);
  may_be_stale_ = true;
}

// If several incidents are open, the line shows the one that closes last.
void ServiceManager::incident_closed(const Incident& incident) noexcept {
  last_incident_ = guard::last_incident(incident, true);
  may_be_stale_ = true;
}

}  // namespace guard
