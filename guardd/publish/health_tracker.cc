#include "guardd/publish/health_tracker.h"

#include <utility>

#include "policy/base/text.h"

namespace guard {

std::vector<std::string> HealthTracker::update(const std::optional<std::string>& disabled,
                                               std::vector<std::string> shortcomings,
                                               Pauses pauses) {
  if (disabled) {
    shortcomings = {*disabled};
    pauses.clear();
  }
  const auto before = std::exchange(health_, disabled                ? Health::kDisabled
                                             : !shortcomings.empty() ? Health::kDegraded
                                             : !pauses.empty()       ? Health::kPaused
                                                                     : Health::kOk);
  std::vector<std::string> news;
  const auto published = std::exchange(shortcomings_, {});
  for (auto& reason : shortcomings) {
    if (!published.contains(reason)) news.push_back(reason);
    shortcomings_.insert(std::move(reason));
  }
  const auto were_paused = std::exchange(pauses_, std::move(pauses));
  if (!disabled) {
    for (const auto& [policy, reason] : were_paused)
      if (!pauses_.contains(policy))
        news.push_back("policy " + quote(policy) + " is no longer paused");
  }
  // The last sentence must describe the present health. If a pause is the worst again after a
  // shortcoming has ended, it is repeated.
  const bool is_the_worst_again = health_ == Health::kPaused && before == Health::kDegraded;
  for (const auto& [policy, reason] : pauses_) {
    const auto same = were_paused.find(policy);
    if (is_the_worst_again || same == were_paused.end() || same->second != reason)
      news.push_back(reason);
  }
  if (health_ == Health::kOk && !published.empty())
    news.emplace_back("all policies are enforced again");
  return news;
}

std::vector<std::string> HealthTracker::reasons() const {
  std::vector<std::string> reasons(shortcomings_.begin(), shortcomings_.end());
  for (const auto& [policy, reason] : pauses_) reasons.push_back(reason);
  return reasons;
}

}  // namespace guard
