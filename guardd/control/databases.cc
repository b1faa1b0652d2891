#include "guardd/control/databases.h"

#include <utility>

namespace guard {
namespace {

constexpr auto* kState = "state";
constexpr auto* kTrail = "audit trail";

Trail::Limits limits_of(const Config& config) {
  return {config.audit.retention, config.audit.max_size, config.limits.audit_rows,
          config.limits.audit_size};
}

}  // namespace

void Databases::open_state() {
  auto state = Store::open(directory_);
  if (state)
    state_ = *std::move(state);
  else
    shortcomings_.set(kState,
                      "pending changes are lost if guardd crashes: " + state.error().text());
}

void Databases::open_trail(const Config& config) {
  trail_path_ = guard::trail_path(config.audit.path, directory_);
  auto trail = Trail::open(trail_path_, limits_of(config));
  if (trail)
    trail_ = *std::move(trail);
  else
    shortcomings_.set(kTrail, "there is no audit trail: " + trail.error().text());
}

void Databases::use(const Config& config) {
  if (trail_) trail_->set_limits(limits_of(config));
}

Status Databases::listen(EventLoop& loop) {
  if (state_) {
    GUARD_CHECK(loop.on_readable(state_->fd(), [this] {
      for (const auto& error : state_->take_news())
        shortcomings_.set(kState, error.empty() ? "" : "cannot save the state: " + error);
    }));
  }
  if (!trail_) return {};
  return loop.on_readable(trail_->fd(), [this] {
    for (const auto& error : trail_->take_news())
      shortcomings_.set(kTrail, error.empty() ? "" : "cannot write the audit trail: " + error);
  });
}

std::uint64_t Databases::records_lost() const {
  std::uint64_t lost = state_ ? state_->dropped() : 0;
  if (!trail_) return lost;
  const auto dropped = trail_->dropped();
  return lost + dropped.queue_full + dropped.disk + dropped.limited;
}

std::map<std::string, BeyondLimit> Databases::beyond_limits() const {
  return {{"audit_rows", trail_ ? trail_->budget().dropped_by_policy() : BeyondLimit()},
          {"audit_size", trail_ ? trail_->removed() : BeyondLimit()}};
}

std::vector<std::string> Databases::shortcomings(SteadyTime now) const {
  return trail_ ? trail_->budget().shortcomings(now) : std::vector<std::string>();
}

}  // namespace guard
