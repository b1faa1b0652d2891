#include "guardd/control/valid_rules.h"

#include <memory>
#include <utility>

namespace guard {

std::optional<Rules> ValidRules::at_start(Store* store) {
  store_ = store;
  auto now = read(1);
  now.print();
  if (now.rules || !store_ || !store_->remembered().rules) return std::move(now.rules);
  const auto& texts = *store_->remembered().rules;
  auto last = restore_rules(texts, 1);
  if (!last.rules) return std::nullopt;
  next_try_ = std::chrono::steady_clock::now() + kTryAgain;
  shortcomings_.set("rules",
                    "the settings or the policies are not valid: the last valid ones, of " +
                        to_the_second(texts.read_at) +
                        ", are in force until they are: " + now.errors.front());
  return std::move(last.rules);
}

RulesRead ValidRules::read(std::uint64_t generation) const {
  return read_rules(config_file_, policy_directories_, generation);
}

void ValidRules::use(const Rules& rules) {
  if (rules.were_restored) return;
  next_try_.reset();
  shortcomings_.set("rules", "");
  if (store_) store_->keep_rules(rules.texts);
}

// Prints nothing: the errors were printed at start, and are in the shortcoming.
void ValidRules::work(SteadyTime now, std::uint64_t generation) {
  if (!next_try_ || now < *next_try_) return;
  next_try_ = now + kTryAgain;
  (void)jobs_.send([this, generation](const BackgroundJobs::JobContext& /*context*/) {
    const auto result = std::make_shared<RulesRead>(read(generation));
    return [this, result] {
      if (next_try_ && result->rules) take_over_(std::move(*result));
    };
  });
}

}  // namespace guard
