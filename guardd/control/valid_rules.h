// The settings and policies that guardd uses although those on disk may not be valid. At start it
// falls back on the last valid ones, which the store keeps: an upgrade or a reboot must not leave
// the trees unguarded because of a typing error, an account that cannot be looked up, or a
// directory that the service has opened to all. From then on it tries those on disk until they are
// valid. Runs on the daemon's loop; reads on a thread, except at start.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "guardd/base/background_jobs.h"
#include "guardd/base/event_loop.h"
#include "guardd/base/rules.h"
#include "guardd/control/shortcomings.h"
#include "guardd/host/clock.h"
#include "guardd/state/store.h"

namespace guard {

class ValidRules {
 public:
  static constexpr auto kTryAgain = std::chrono::seconds(5);

  using TakeOver = std::function<void(RulesRead)>;

  // All of it outlives this. `take_over` is called with rules that have become valid.
  ValidRules(std::string config_file, std::vector<std::string> policy_directories,
             BackgroundJobs& jobs, Shortcomings& shortcomings, TakeOver take_over)
      : config_file_(std::move(config_file)),
        policy_directories_(std::move(policy_directories)),
        jobs_(jobs),
        shortcomings_(shortcomings),
        take_over_(std::move(take_over)) {}

  // `store` may be null. Prints what is wrong. Nothing: there are no valid rules, and never were.
  std::optional<Rules> at_start(Store* store);
  // Reads those on disk, on any thread.
  RulesRead read(std::uint64_t generation) const;
  // These are in force now.
  void use(const Rules& rules);

  std::optional<SteadyTime> next() const { return next_try_; }
  void work(SteadyTime now, std::uint64_t generation);

 private:
  const std::string config_file_;
  const std::vector<std::string> policy_directories_;
  BackgroundJobs& jobs_;
  Shortcomings& shortcomings_;
  TakeOver take_over_;
  Store* store_ = nullptr;
  std::optional<SteadyTime> next_try_;  // while restored rules are in force
};

}  // namespace guard
