#include "guardd/enforce/file_records.h"

#include <algorithm>

namespace guard {

bool ReportedStates::is_known(const FileId& id, const State& state, const std::string& tree,
                              Time now) {
  if (!id.known()) return false;
  const auto at = states_.find(id);
  const bool is_known = at != states_.end() && at->second.state == state;
  const bool is_new = states_.insert_or_assign(id, Record{state, tree, now}).second;
  if (is_new) oldest_first_.push_back(id);
  if (oldest_first_.size() > kMost) {
    states_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
  return is_known;
}

void ReportedStates::discount_unseen(const std::string& tree, Time since) {
  for (auto& [id, record] : states_)
    if (record.tree == tree && record.seen < since) record.counts = false;
}

std::size_t ReportedStates::count(const std::string& tree, std::uint8_t reason) const {
  return static_cast<std::size_t>(
      std::count_if(states_.begin(), states_.end(), [&](const auto& each) {
        const auto& record = each.second;
        return record.counts && record.tree == tree && record.state.reason == reason;
      }));
}

void JustCreated::add(const FileId& id, Operation made, Time now) {
  if (!id.known() || !made_.insert_or_assign(id, Creation{made, now}).second) return;
  oldest_first_.push_back(id);
  if (oldest_first_.size() <= kMost) return;
  made_.erase(oldest_first_.front());
  oldest_first_.pop_front();
}

std::optional<Operation> JustCreated::find(const FileId& id, Time now) const {
  const auto at = made_.find(id);
  if (at == made_.end() || now - at->second.time > kYoung) return std::nullopt;
  return at->second.operation;
}

void OwnershipWar::fixed(const FileId& id, Time now) {
  if (!id.known()) return;
  const auto [at, is_new] = records_.try_emplace(id, Record{now, now, 0});
  auto& record = at->second;
  if (now - record.first > kWithin) record = {now, now, 0};
  record.last = now;
  ++record.count;
  if (!is_new) return;
  oldest_first_.push_back(id);
  if (oldest_first_.size() <= kMost) return;
  records_.erase(oldest_first_.front());
  oldest_first_.pop_front();
}

bool OwnershipWar::was_just_fixed(const FileId& id, Time now) const {
  const auto at = records_.find(id);
  return at != records_.end() && now - at->second.last <= kJustNow;
}

bool OwnershipWar::is_war(const FileId& id, Time now) const {
  const auto at = records_.find(id);
  return at != records_.end() && at->second.count >= kReversals &&
         now - at->second.first <= kWithin;
}

}  // namespace guard
