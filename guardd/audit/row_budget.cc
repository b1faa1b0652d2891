#include "guardd/audit/row_budget.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "policy/base/text.h"

namespace guard {
namespace {

constexpr auto kMinute = std::chrono::minutes(1);
constexpr auto kBetweenLooks = std::chrono::seconds(10);

// Policies that are gone are forgotten beyond this.
constexpr std::size_t kMostAccounts = 1'000;

}  // namespace

bool RowBudget::Account::is_short(Time now) const {
  return dropped > 0 && now - dropped_at <= kMinute;
}

bool RowBudget::take(const Violation& violation, std::size_t rows, Time now) {
  if (accounts_.size() >= kMostAccounts && !accounts_.contains(violation.policy)) {
    accounts_.clear();
    dropped_by_policy_.clear();
  }
  auto [at, is_new] = accounts_.try_emplace(violation.policy);
  auto& account = at->second;
  const double limit = limit_;
  const std::chrono::duration<double> since = now - account.filled_at;
  account.room = is_new ? limit : std::min(limit, account.room + since.count() * limit / 60);
  account.filled_at = now;
  bool is_repeated = false;
  if (violation.action == Outcome::kFixed && rows == 1) {
    if (now - account.fixed_since > 10 * kMinute || account.fixed.size() >= kMostFixed) {
      account.fixed.clear();
      account.fixed_since = now;
    }
    is_repeated = !account.fixed.insert(std::hash<std::string_view>{}(violation.path)).second;
  }
  // Half of the room is kept for what happens for the first time.
  const double needed = static_cast<double>(rows) + (is_repeated ? limit / 2 : 0);
  if (account.room >= std::min(needed, limit)) {
    account.room -= static_cast<double>(rows);
    return true;
  }
  if (now - account.dropped_at > kMinute) account.dropped = 0;
  account.dropped += rows;
  account.dropped_at = now;
  dropped_ += rows;
  dropped_by_policy_[violation.policy] += rows;
  if (!next_look_) next_look_ = now;
  return false;
}

std::vector<std::string> RowBudget::shortcomings(Time now) const {
  std::vector<std::string> all;
  for (const auto& [policy, account] : accounts_) {
    if (!account.is_short(now)) continue;
    all.push_back("the policy " + quote(policy) + " has more violations than audit_rows = " +
                  std::to_string(limit_) + " a minute in [limits] allows: " +
                  "some are only counted, and are not in the audit trail");
  }
  return all;
}

bool RowBudget::work(Time now) {
  if (!next_look_ || now < *next_look_) return false;
  bool has_changed = false;
  bool is_any_short = false;
  for (auto& [policy, account] : accounts_) {
    const bool is_short = account.is_short(now);
    is_any_short |= is_short;
    has_changed |= std::exchange(account.was_short, is_short) != is_short;
  }
  next_look_ = is_any_short ? std::optional(now + kBetweenLooks) : std::nullopt;
  return has_changed;
}

}  // namespace guard
