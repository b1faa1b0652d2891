#include "guardd/enforce/pending_changes.h"

#include <utility>

namespace guard {

WatchedName watched_name(ChangeSource& source, std::uint32_t tree, const std::string& path) {
  const auto slash = path.rfind('/');
  const bool has_parent = slash != std::string::npos;
  const auto above = std::string_view(path).substr(0, has_parent ? slash : 0);
  return {source.directory(tree, above), path.substr(has_parent ? slash + 1 : 0)};
}

PendingChanges::PendingChanges(Store* store, SettleQueue& settle, ChangeSource& source)
    : store_(store), settle_(settle), source_(source) {
  if (!store_) return;
  auto remembered = store_->take_remembered();
  for (auto& pending : remembered.pending) {
    saved_.insert(pending.object);
    if (pending.is_excused)
      excused_.emplace(pending.object, std::move(pending));
    else
      pending_[pending.tree].push_back(std::move(pending));
  }
}

void PendingChanges::use_policies(std::shared_ptr<const PolicySet> set) {
  set_ = std::move(set);
  forget_excused_elsewhere();
  for (std::uint32_t tree = 0; tree < set_->trees().size(); ++tree)
    if (source_.directory(tree, "")) settle_excused(tree);
}

void PendingChanges::watch(std::uint32_t tree) {
  if (auto pending = pending_.extract(set_->trees()[tree].path); !pending.empty())
    settle_again(tree, std::move(pending.mapped()));
  settle_excused(tree);
}

void PendingChanges::settle_excused(std::uint32_t tree) {
  if (!policy_of(tree).is_paused()) settle_again(tree, excused_in(set_->trees()[tree].path));
}

void PendingChanges::settle_again(std::uint32_t tree, std::vector<Pending> all) {
  const auto now = std::chrono::steady_clock::now();
  const auto settle = policy_of(tree).said.settle.value;
  for (auto& pending : all) {
    const auto [directory, name] = watched_name(source_, tree, pending.path);
    if (!directory) {  // it is gone, and its directory with it
      if (!pending.is_excused) forget(pending.object);
      continue;
    }
    if (pending.proven_at)
      source_.prove_again(*directory, name, pending.object, *pending.proven_at);
    settle_.seen(*directory, name,
                 {pending.operation, std::move(pending.who), std::move(pending.object),
                  pending.is_directory},
                 settle, now);
  }
}

// Beyond the bound, a crash loses who changed a file.
void PendingChanges::add(std::uint64_t directory, std::string_view name, SteadyTime now) {
  if (store_ && unsaved_.size() < kMostUnsaved)
    unsaved_.push_back({now, directory, std::string(name)});
}

void PendingChanges::save(SteadyTime now, bool can_judge) {
  const SteadyTime::duration moment = can_judge ? kLongestMoment : kMoment;
  while (!unsaved_.empty() && unsaved_.front().time + moment <= now) {
    const auto* directory = source_.directories().find(unsaved_.front().directory);
    const auto* waiting = directory ? settle_.find(*directory, unsaved_.front().name) : nullptr;
    if (waiting && waiting->who && !waiting->who->is_complete()) {
      unsaved_.front().time = now;  // it soon will be
      return;
    }
    const auto name = std::move(unsaved_.front());
    unsaved_.pop_front();
    if (!waiting || !waiting->object.known() || !waiting->who ||
        !saved_.insert(waiting->object).second)
      continue;
    store_->keep(Pending{set_->trees()[directory->tree()].path,
                         WatchedDirectories::path_of(*directory, name.name), waiting->object,
                         waiting->is_directory, waiting->operation, waiting->who, false,
                         source_.proven_at(*directory, name.name, waiting->object)});
  }
}

std::optional<SteadyTime> PendingChanges::next() const {
  return unsaved_.empty() ? std::nullopt : std::optional(unsaved_.front().time + kMoment);
}

void PendingChanges::forget(const FileId& object) {
  excused_.erase(object);
  if (store_ && saved_.erase(object) > 0) store_->forget(object);
}

bool PendingChanges::is_judged_later(const RepairReport& report, SteadyTime now) {
  const auto& [set, tree, path, due, war] = *report.repair;
  const auto& seen = due.seen;
  const auto skip = report.outcome.skip;
  const bool is_left = set->policy_of(set->trees()[tree]).is_paused() && skip == Skip::kLogOnly &&
                       !due.look && seen.object.known();
  const auto* directory = is_left ? source_.directories().find(due.directory) : nullptr;
  if (directory && !policy_of(directory->tree()).is_paused()) {
    settle_.put_back(due, now);
    return true;
  }
  // The scan at the end of the pause may find a moved object under its new name.
  const bool was_moved = skip == Skip::kGone || skip == Skip::kReplaced;
  if (directory && seen.who)
    excuse({set->trees()[tree].path, path, seen.object, seen.is_directory, seen.operation, seen.who,
            true, source_.proven_at(*directory, due.name, seen.object)});
  else if (!was_moved || !find_excused(seen.object))
    forget(seen.object);
  return false;
}

// Beyond the bound, the scan at the end of the pause finds the object without who changed it.
void PendingChanges::excuse(Pending pending) {
  const auto object = pending.object;
  if (excused_.size() >= kMostExcused && !excused_.contains(object)) return forget(object);
  if (store_) {
    saved_.insert(object);
    store_->keep(pending);
  }
  excused_.insert_or_assign(object, std::move(pending));
}

bool PendingChanges::was_excused(const ScanFinding& finding) {
  const auto* excused = find_excused(finding.object);
  if (!excused || finding.outcome.what == RepairResult::kFixed) return false;
  if (finding.set != set_ || policy_of(finding.tree).is_paused()) return true;
  if (finding.outcome.skip != Skip::kNoEvidence) return false;
  auto by_this_name = *excused;
  by_this_name.path = finding.path;
  settle_again(finding.tree, {std::move(by_this_name)});
  return true;
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

void PendingChanges::forget_excused_in(std::uint32_t tree) {
  forget_excused_in(set_->trees()[tree].path);
}

void PendingChanges::forget_excused_in(const std::string& tree) {
  for (const auto& pending : excused_in(tree)) forget(pending.object);
}

// Nothing is fixed any longer in trees that no policy names.
void PendingChanges::forget_excused_elsewhere() {
  std::unordered_set<std::string> gone;
  for (const auto& [object, pending] : excused_) gone.insert(pending.tree);
  for (const auto& tree : set_->trees()) gone.erase(tree.path);
  for (const auto& tree : gone) forget_excused_in(tree);
}

}  // namespace guard
