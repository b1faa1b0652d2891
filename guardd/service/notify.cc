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

// No command of anybody's makes PID 1 read more of us than a line a second.
constexpr auto kPace = 1s;

}  // namespace

bool AnswerProgress::is_well(const Count& seen, SteadyTime now, std::chrono::nanoseconds longest) {
  const bool gets_on = seen.answers >= seen.events || seen.answers != answers_;
  answers_ = seen.answers;
  if (gets_on) {
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

void ServiceManager::stands(StatusFacts facts) {
  facts_ = std::move(facts);
  has_news_ = true;
}

void ServiceManager::is_ready() {
  is_ready_ = true;
  told_ = line();
  if (send_) send_("READY=1\n" + told_);
}

void ServiceManager::reloads() {
  if (send_) send_("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_us()));
}

void ServiceManager::has_reloaded() {
  is_ready();
}

void ServiceManager::stops() {
  if (send_) send_("STOPPING=1\nSTATUS=Stopping");
  send_ = nullptr;
}

void ServiceManager::work(SteadyTime now) {
  if (!send_) return;
  if (watchdog_ && now >= pings_at_) ping(now);
  if (!is_ready_ || !has_news_ || now < told_at_ + kPace) return;
  has_news_ = false;
  told_at_ = now;
  if (auto next = line(); next != told_) {
    told_ = std::move(next);
    send_(told_);
  }
}

// Twice in the time it gives us. While answers are missing, more often: with the first of them we
// are well again.
void ServiceManager::ping(SteadyTime now) {
  const AnswerProgress::Count seen =
      answers_ ? AnswerProgress::Count{answers_->events, answers_->answers}
               : AnswerProgress::Count{};
  if (progress_.is_well(seen, now, longest_answer_)) send_("WATCHDOG=1");
  pings_at_ = now + (progress_.is_behind() ? *watchdog_ / 20 : *watchdog_ / 2);
}

std::optional<SteadyTime> ServiceManager::next() const {
  if (!send_) return std::nullopt;
  std::optional<SteadyTime> due;
  if (watchdog_) due = pings_at_;
  if (is_ready_ && has_news_) due = std::min(due.value_or(SteadyTime::max()), told_at_ + kPace);
  return due;
}

void ServiceManager::incident_opened(const Incident& incident) noexcept {
  last_incident_ = guard::last_incident(incident, false);
  has_news_ = true;
}

// Of several that are under way, the one that ends last is told.
void ServiceManager::incident_closed(const Incident& incident) noexcept {
  last_incident_ = guard::last_incident(incident, true);
  has_news_ = true;
}

}  // namespace guard
