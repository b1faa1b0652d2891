#include "guardd/control/pauses.h"

#include <algorithm>
#include <utility>

#include "guardd/who/processes.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using Nanoseconds = std::chrono::nanoseconds;

std::string until_when_and_why(const Pause& pause) {
  const auto who =
      pause.user.empty() ? "user " + std::to_string(pause.uid.value) : escaped(pause.user);
  const auto why = pause.reason.empty() ? "no reason given" : escaped(pause.reason);
  return "paused until " + to_the_second(pause.until) + " by " + who + ": " + why;
}

}  // namespace

Clocks Clocks::read() {
  return {std::chrono::system_clock::now(),
          Nanoseconds(static_cast<std::int64_t>(boot_time_now()))};
}

// What remains by the wall clock, but never more than the whole length: the clock may have been
// set.
Pauses::Pauses(Store* store, const Clocks& now) : store_(store) {
  if (!store_) return;
  constexpr Nanoseconds kNothing{0};
  for (const auto& pause : store_->remembered().pauses) {
    const auto most = std::clamp<Nanoseconds>(pause.until - pause.since, kNothing, kLongest);
    const auto left = std::clamp<Nanoseconds>(pause.until - now.wall, kNothing, most);
    running_.insert_or_assign(pause.policy, ActivePause{pause, now.since_boot + left});
  }
}

Status Pauses::start(const PolicySet& set, const std::string& policy,
                     std::chrono::microseconds length, const std::string& reason, const Person& who,
                     const Clocks& now) {
  if (const auto known = set.policy_called(policy); !known) return known.error();
  if (length < kShortest || length > kLongest)
    return Error("a pause must last at least 1 second and at most 30 days");
  if (reason.size() > kLongestReason)
    return Error("the reason is longer than " + std::to_string(kLongestReason) + " bytes");
  Pause pause{policy, now.wall, now.wall + length, reason, who.uid, who.name};
  if (store_) store_->keep_pause(pause);
  running_.insert_or_assign(policy, ActivePause{std::move(pause), now.since_boot + length});
  return {};
}

Status Pauses::end(const std::string& policy) {
  if (!running_.contains(policy)) return Error("policy " + quote(policy) + " is not paused");
  forget(policy);
  return {};
}

void Pauses::forget(const std::string& policy) {
  if (store_) store_->forget_pause(policy);
  running_.erase(policy);
}

std::vector<std::string> Pauses::take_ended(const Clocks& now) {
  std::vector<std::string> ended;
  for (const auto& [policy, running] : running_)
    if (running.pause.until <= now.wall || running.until <= now.since_boot) ended.push_back(policy);
  for (const auto& policy : ended) forget(policy);
  return ended;
}

std::optional<Nanoseconds> Pauses::next_due(const Clocks& now) const {
  if (running_.empty()) return std::nullopt;
  Nanoseconds wait = kLongestWait;
  for (const auto& [policy, running] : running_)
    wait = std::min<Nanoseconds>(
        {wait, running.pause.until - now.wall, running.until - now.since_boot});
  return std::max(wait, Nanoseconds(0));
}

void Pauses::keep_those_of(const PolicySet& set) {
  std::vector<std::string> gone;
  for (const auto& [policy, running] : running_)
    if (!set.find_policy(policy)) gone.push_back(policy);
  for (const auto& policy : gone) forget(policy);
}

std::vector<Pause> Pauses::all() const {
  std::vector<Pause> all;
  all.reserve(running_.size());
  for (const auto& [policy, running] : running_) all.push_back(running.pause);
  return all;
}

std::shared_ptr<const PolicySet> Pauses::applied_to(
    const std::shared_ptr<const PolicySet>& set) const {
  if (running_.empty()) return set;
  std::map<std::string, std::string> excuses;
  for (const auto& [policy, running] : running_)
    excuses.emplace(policy, "excused: " + until_when_and_why(running.pause));
  return std::make_shared<const PolicySet>(set->paused(excuses));
}

std::map<std::string, std::string> Pauses::sentences() const {
  std::map<std::string, std::string> sentences;
  for (const auto& [policy, running] : running_)
    sentences.emplace(policy,
                      "policy " + quote(policy) + " is " + until_when_and_why(running.pause));
  return sentences;
}

}  // namespace guard
