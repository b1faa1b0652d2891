#include "tests/model/shrink.h"

#include <algorithm>
#include <utility>

namespace guard::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTries = 3;  // of each candidate

class Shrinker {
 public:
  Shrinker(World& world, Script script, Outcome outcome, Clock::time_point until)
      : world_(world), until_(until) {
    shrunk_.script = std::move(script);
    shrunk_.outcome = std::move(outcome);
  }

  Shrunk run() {
    cut();
    (void)take(without_failed());
    for (auto part = shrunk_.script.size() / 2; part > 0 && has_time();) {
      if (!remove_parts(part)) part /= 2;
    }
    return std::move(shrunk_);
  }

 private:
  bool has_time() const { return Clock::now() < until_; }

  // Steps after the failure are not needed.
  void cut() {
    if (shrunk_.outcome.steps < shrunk_.script.size()) shrunk_.script.resize(shrunk_.outcome.steps);
  }

  Script without_failed() const {
    Script kept;
    for (std::size_t i = 0; i < shrunk_.script.size(); ++i) {
      const bool has_failed = i < shrunk_.outcome.errors.size() && shrunk_.outcome.errors[i] != 0;
      if (!has_failed) kept.push_back(shrunk_.script[i]);
    }
    return kept;
  }

  // Removes parts of this length, each if it is not needed. Whether one was removed.
  bool remove_parts(std::size_t part) {
    bool is_shorter = false;
    for (std::size_t end = shrunk_.script.size(); end > 0 && has_time();) {
      const auto start = end > part ? end - part : 0;
      auto candidate = shrunk_.script;
      candidate.erase(candidate.begin() + static_cast<std::ptrdiff_t>(start),
                      candidate.begin() + static_cast<std::ptrdiff_t>(end));
      if (take(std::move(candidate))) is_shorter = true;
      end = std::min(start, shrunk_.script.size());
    }
    return is_shorter;
  }

  // Takes the candidate if it fails in the same way.
  bool take(Script candidate) {
    for (int i = 0; i < kTries && has_time(); ++i) {
      ++shrunk_.replays;
      auto outcome = world_.run(candidate, i % 2 == 1);
      if (outcome.failure.empty() || outcome.is_breach != shrunk_.outcome.is_breach) continue;
      shrunk_.script = std::move(candidate);
      shrunk_.outcome = std::move(outcome);
      shrunk_.is_confirmed = true;
      cut();
      return true;
    }
    return false;
  }

  World& world_;
  Clock::time_point until_;
  Shrunk shrunk_;
};

}  // namespace

Shrunk shrink(World& world, Script script, Outcome outcome, std::chrono::seconds time) {
  return Shrinker(world, std::move(script), std::move(outcome), Clock::now() + time).run();
}

}  // namespace guard::test
