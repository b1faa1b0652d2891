// What waits until trees are watched as a whole, and the progress of that. A big tree takes longer
// than anyone should wait. Runs on the daemon's loop.
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include "guardd/enforce/watched_trees.h"
#include "guardd/host/clock.h"

namespace guard {

class VisitProgress {
 public:
  // How long something waits at most.
  static constexpr auto kLongestVisit = std::chrono::seconds(2);
  static constexpr auto kBetweenReports = std::chrono::seconds(1);

  // `report` is called from time to time while trees are visited, and once after that.
  VisitProgress(const WatchedTrees& trees, std::function<void()> report)
      : trees_(trees), report_(std::move(report)) {}

  // Calls this once all trees are watched as a whole, or after the longest time.
  void when_watched(std::function<void()> done) {
    waiting_.emplace_back(std::chrono::steady_clock::now() + kLongestVisit, std::move(done));
  }

  std::optional<SteadyTime> next() const {
    const bool is_visiting = !trees_.visits().empty();
    std::optional<SteadyTime> next;
    if (!waiting_.empty()) next = is_visiting ? waiting_.front().first : SteadyTime();
    if (is_visiting || was_visiting_) next = std::min(next.value_or(reports_at_), reports_at_);
    return next;
  }

  void work(SteadyTime now) {
    const bool is_visiting = !trees_.visits().empty();
    while (!waiting_.empty() && (!is_visiting || waiting_.front().first <= now)) {
      const auto done = std::move(waiting_.front().second);
      waiting_.pop_front();
      done();
    }
    if ((!is_visiting && !was_visiting_) || now < reports_at_) return;
    was_visiting_ = is_visiting;
    reports_at_ = now + kBetweenReports;
    report_();
  }

 private:
  const WatchedTrees& trees_;
  std::function<void()> report_;
  std::deque<std::pair<SteadyTime, std::function<void()>>> waiting_;
  bool was_visiting_ = false;
  SteadyTime reports_at_;
};

}  // namespace guard
