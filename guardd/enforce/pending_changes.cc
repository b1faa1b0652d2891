#include "guardd/enforce/pending_changes.h"

#include <utility>

namespace guard {

PendingChanges::PendingChanges(Store* store) : store_(store) {
  if (!store_) return;
  auto remembered = store_->take_remembered();
  for (const auto& suspect : remembered.suspects) suspects_.add(suspect);
  for (auto& pending : remembered.pending) {
    kept_.insert(pending.object);
    if (pending.is_excused)
      excused_.emplace(pending.object, std::move(pending));
    else
      pending_[pending.tree].push_back(std::move(pending));
  }
}

void PendingChanges::suspect(const FileId& object) {
  if (object.known() && !suspects_.is_suspect(object) && store_) store_->keep_suspect(object);
  suspects_.add(object);
  if (find_excused(object)) judged(object);
}

// Beyond the bound nothing is kept of a name, which a scan after a crash has to make up for.
void PendingChanges::seen(std::uint64_t directory, std::string_view name, SteadyTime now) {
  if (store_ && seen_.size() < kMostSeen) seen_.push_back({now, directory, std::string(name)});
}

void PendingChanges::keep(const SettleQueue& settle, const WatchedDirectories& directories,
                          const PolicySet& set, SteadyTime now) {
  while (!seen_.empty() && seen_.front().time + kMoment <= now) {
    const auto name = std::move(seen_.front());
    seen_.pop_front();
    const auto* directory = directories.find(name.directory);
    const auto* waiting = directory ? settle.find(*directory, name.name) : nullptr;
    if (!waiting || waiting->evidence == Evidence::kNone || !waiting->object.known() ||
        !waiting->who || !kept_.insert(waiting->object).second) {
      continue;
    }
    store_->keep(Pending{set.trees()[directory->tree].path,
                         WatchedDirectories::path_of(*directory, name.name), waiting->object,
                         waiting->is_directory, waiting->operation, waiting->who});
  }
}

std::optional<SteadyTime> PendingChanges::next() const {
  return seen_.empty() ? std::nullopt : std::optional(seen_.front().time + kMoment);
}

void PendingChanges::judged(const FileId& object) {
  excused_.erase(object);
  if (store_ && kept_.erase(object) > 0) store_->forget(object);
}

void PendingChanges::excuse(Pending pending) {
  const auto object = pending.object;
  if (excused_.size() >= kMostExcused && !excused_.contains(object)) return judged(object);
  pending.is_excused = true;
  if (store_) {
    kept_.insert(object);
    store_->keep(pending);
  }
  excused_.insert_or_assign(object, std::move(pending));
}

const Pending* PendingChanges::find_excused(const FileId& object) const {
  const auto found = excused_.find(object);
  return found == excused_.end() ? nullptr : &found->second;
}

std::vector<Pending> PendingChanges::excused_in(const std::string& tree) const {
  std::vector<Pending> all;
  for (const auto& [object, pending] : excused_)
    if (pending.tree == tree) all.push_back(pending);
  return all;
}

void PendingChanges::forget_excused_in(const std::string& tree) {
  for (const auto& pending : excused_in(tree)) judged(pending.object);
}

void PendingChanges::keep_excused_of(const PolicySet& set) {
  std::unordered_set<std::string> gone;
  for (const auto& [object, pending] : excused_) gone.insert(pending.tree);
  for (const auto& tree : set.trees()) gone.erase(tree.path);
  for (const auto& tree : gone) forget_excused_in(tree);
}

std::vector<Pending> PendingChanges::take_pending(const std::string& tree) {
  const auto found = pending_.find(tree);
  if (found == pending_.end()) return {};
  auto pending = std::move(found->second);
  pending_.erase(found);
  return pending;
}

}  // namespace guard
