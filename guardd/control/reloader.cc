#include "guardd/control/reloader.h"

#include <memory>

namespace guard {
namespace {

constexpr std::size_t kMostWaiting = 64;

void reject(const std::vector<Reloader::Completion>& all) {
  ReloadNews news;
  news.errors.emplace_back("guardd is busy: try again in a moment");
  for (const auto& done : all) done(news);
}

}  // namespace

void Reloader::ask(Completion done) {
  if (waiting_.size() >= kMostWaiting) return reject({std::move(done)});
  waiting_.push_back(std::move(done));
  if (!is_reading_) begin();
}

void Reloader::begin() {
  served_ = std::exchange(waiting_, {});
  is_reading_ =
      jobs_.send([this, read = prepare_()](const BackgroundJobs::JobContext& /*context*/) {
        const auto result = std::make_shared<RulesRead>(read());
        return [this, result] { end(std::move(*result)); };
      });
  if (!is_reading_) reject(std::exchange(served_, {}));
}

void Reloader::end(RulesRead read) {
  take_over_(std::move(read), [this](const ReloadNews& news) {
    is_reading_ = false;
    for (const auto& done : std::exchange(served_, {})) done(news);
    if (!waiting_.empty() && !is_reading_) begin();
  });
}

}  // namespace guard
