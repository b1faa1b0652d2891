#include "guardd/who/excuses.h"

#include <algorithm>

#include "guardd/who/acting_process.h"
#include "guardd/who/processes.h"
#include "policy/base/text.h"

namespace guard {
namespace {

std::shared_ptr<const Excuse> in_force(const std::shared_ptr<const Excuse>& excuse) {
  return excuse && boot_time_now() < excuse->until ? excuse : nullptr;
}

}  // namespace

std::string Excuse::sentence() const {
  return "excused: by " + escaped(user) + ": " + escaped(reason);
}

Status Excuses::add(std::int32_t pid, std::uint64_t start,
                    const std::shared_ptr<const Excuse>& excuse) {
  {
    const std::lock_guard lock(mutex_);
    if (active_.size() >= kMost)
      return Error(std::to_string(kMost) + " commands are already excused; wait until one ends");
    active_.push_back(excuse);
    is_empty_ = false;
  }
  if (inherit(pid, start, excuse)) return {};
  const std::lock_guard lock(mutex_);
  active_.pop_back();
  return Error("too many processes are already excused; wait until some of them end");
}

bool Excuses::inherit(std::int32_t pid, std::uint64_t start,
                      const std::shared_ptr<const Excuse>& excuse) {
  const std::lock_guard lock(mutex_);
  if (processes_.size() >= kMostProcesses) return false;
  processes_.insert_or_assign({pid, start / kTick}, excuse);
  is_empty_ = false;
  return true;
}

void Excuses::ended(std::int32_t pid, std::uint64_t start) {
  if (empty()) return;
  const std::lock_guard lock(mutex_);
  processes_.erase({pid, start / kTick});
}

std::shared_ptr<const Excuse> Excuses::find(const Snapshot& process) const {
  const auto at = processes_.find({process.pid, process.start / kTick});
  return at == processes_.end() ? nullptr : in_force(at->second);
}

std::shared_ptr<const Excuse> Excuses::of(const ActingProcess& who) const {
  if (empty() || !who.known()) return nullptr;
  if (auto excuse = excuse_of(who)) return excuse;
  const std::lock_guard lock(mutex_);
  if (auto excuse = find(who.snapshot())) return excuse;
  if (!who.lineage()) return nullptr;
  for (const auto& ancestor : *who.lineage())
    if (auto excuse = find(*ancestor)) return excuse;
  return nullptr;
}

std::vector<std::shared_ptr<const Excuse>> Excuses::take_finished(const IsAlive& is_alive) {
  const std::lock_guard lock(mutex_);
  std::erase_if(processes_, [&](const auto& each) {
    return !is_alive(each.first.first, each.first.second * kTick) || !in_force(each.second);
  });
  const auto is_finished = [this](const auto& excuse) {
    return std::none_of(processes_.begin(), processes_.end(),
                        [&](const auto& each) { return each.second == excuse; });
  };
  const auto first = std::stable_partition(
      active_.begin(), active_.end(), [&](const auto& excuse) { return !is_finished(excuse); });
  std::vector<std::shared_ptr<const Excuse>> finished(first, active_.end());
  active_.erase(first, active_.end());
  is_empty_ = processes_.empty();
  return finished;
}

std::shared_ptr<const Excuse> excuse_of(const ActingProcess& who) {
  return in_force(who.snapshot().excuse);
}

}  // namespace guard
