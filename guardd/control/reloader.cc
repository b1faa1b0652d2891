#include "guardd/control/reloader.h"

#include <memory>

namespace guard {
namespace {

constexpr std::size_t kMostAsked = 64;

void deny(const std::vector<Reloader::Done>& all) {
  ReloadNews news;
  news.errors.emplace_back("too much is being done at once: ask again in a moment");
  for (const auto& done : all) done(news);
}

}  // namespace

void Reloader::ask(Done done) {
  if (asked_.size() >= kMostAsked) return deny({std::move(done)});
  asked_.push_back(std::move(done));
  if (!is_reading_) begin();
}

void Reloader::begin() {
  served_ = std::exchange(asked_, {});
  is_reading_ = jobs_.send([this, read = prepare_()](const BackgroundJobs::JobContext& /*place*/) {
    const auto result = std::make_shared<RulesRead>(read());
    return [this, result] { end(std::move(*result)); };
  });
  if (!is_reading_) deny(std::exchange(served_, {}));
}

void Reloader::end(RulesRead read) {
  const auto news = take_over_(std::move(read));
  is_reading_ = false;
  for (const auto& done : std::exchange(served_, {})) done(news);
  if (!asked_.empty() && !is_reading_) begin();
}

}  // namespace guard
