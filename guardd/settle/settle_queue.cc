#include "guardd/settle/settle_queue.h"

#include <algorithm>
#include <utility>

namespace guard {
namespace {

void count_above(WatchedDirectory& directory, bool more) {
  for (auto* above = &directory; above; above = above->parent)
    more ? ++above->waiting_below : --above->waiting_below;
}

}  // namespace

void SettleQueue::add(Entries::iterator at, SteadyTime deadline) {
  auto& [key, entry] = *at;
  auto& waiting = trees_[entry.home];
  entry.place = waiting.order.emplace(deadline, &key);
  if (key.look) ++waiting.looks;
}

// Most deadlines are later than all others.
void SettleQueue::schedule(Entry& entry, SteadyTime deadline) {
  auto& order = trees_.find(entry.home)->second.order;
  const auto* key = entry.place->second;
  order.erase(entry.place);
  entry.place = order.emplace_hint(order.end(), deadline, key);
}

bool SettleQueue::is_full(const WatchedDirectory& directory) const {
  const auto at = trees_.find(directory.home->id);
  const auto waiting = at == trees_.end() ? 0 : at->second.order.size() - at->second.looks;
  return waiting >= most_ || entries_.size() >= kMostInAll;
}

void SettleQueue::erase(Entries::iterator at) {
  const auto tree = trees_.find(at->second.home);
  tree->second.order.erase(at->second.place);
  if (at->first.look) --tree->second.looks;
  if (tree->second.order.empty()) trees_.erase(tree);
  auto* directory = directories_.find(at->first.directory);
  if (directory) count_above(*directory, false);
  entries_.erase(at);
  for (; directory && directory->waiting_below == 0; directory = directory->parent)
    wake(*directory);
}

// Nothing below the directory is waiting any more. If it were only checked from time to time, each
// level of a deep tree would add that time.
void SettleQueue::wake(WatchedDirectory& directory) {
  if (!directory.parent) return;
  const auto at = find_key(*directory.parent, directory.name);
  if (at != entries_.end() && at->second.seen.is_directory)
    schedule(at->second, directory.last_activity + at->second.settle);
}

void SettleQueue::drop(Entries::iterator at) {
  if (at->second.seen.object.known()) dropped_.push_back(std::move(at->second.seen.object));
  erase(at);
}

// Something happened to it again.
void SettleQueue::postpone(Entries::iterator at, SteadyTime now) {
  auto& entry = at->second;
  const auto latest =
      entry.first_seen + std::max<SteadyTime::duration>(kLongestWait, 4 * entry.settle);
  schedule(entry, std::max(now, std::min(now + entry.settle, latest)));
}

// A directory that is being filled has not settled either.
void SettleQueue::stir_above(WatchedDirectory& directory, SteadyTime now) {
  for (auto* above = &directory; above; above = above->parent) above->last_activity = now;
}

// The last process that put something there counts as the one that did it.
void SettleQueue::merge(Entry& entry, NoticedChange seen) {
  const auto& before = entry.seen;
  const bool is_another =
      seen.object.known() && before.object.known() && seen.object != before.object;
  const bool was_made =
      before.operation != Operation::kChown && seen.operation == Operation::kChown;
  if (was_made && !is_another) {  // made, then changed: report that it was made, and by whom
    seen.operation = before.operation;
    seen.who = before.who;
  }
  if (!seen.object.known()) seen.object = before.object;
  // One notice came after the fact, so it exists.
  seen.is_ahead = seen.is_ahead && before.is_ahead;
  entry.seen = std::move(seen);
}

void SettleQueue::seen(WatchedDirectory& directory, std::string_view name, NoticedChange seen,
                       std::chrono::microseconds settle, SteadyTime now) {
  stir_above(directory, now);
  const auto found = find_key(directory, name);
  if (found == entries_.end() && is_full(directory))
    return storm(directory, std::move(seen), settle, now);
  if (found != entries_.end()) {
    merge(found->second, std::move(seen));
    return postpone(found, now);
  }
  Key key{directory.number, std::string(name), false};
  add(entries_
          .emplace(std::move(key), Entry{std::move(seen), settle, now, 0, directory.home->id, {}})
          .first,
      now + settle);
  count_above(directory, true);
}

// One entry stands for all that happens in the directory.
void SettleQueue::storm(WatchedDirectory& directory, NoticedChange seen,
                        std::chrono::microseconds settle, SteadyTime now) {
  Key key{directory.number, {}, true};
  ++merged_[directory.tree()];
  seen.object = {};
  const auto found = entries_.find(key);
  if (found != entries_.end()) return postpone(found, now);
  const auto waiting = trees_.find(directory.home->id);
  if (waiting != trees_.end() && waiting->second.looks >= kMostLooks) {
    overflowed_.insert(directory.tree());
    return;
  }
  ++storms_;
  add(entries_
          .emplace(std::move(key), Entry{std::move(seen), settle, now, 0, directory.home->id, {}})
          .first,
      now + settle);
  count_above(directory, true);
}

void SettleQueue::stirred(WatchedDirectory& directory, std::string_view name, SteadyTime now) {
  if (entries_.empty()) return;
  stir_above(directory, now);
  closed(directory, name, now);
}

void SettleQueue::closed(WatchedDirectory& directory, std::string_view name, SteadyTime now) {
  if (entries_.empty()) return;
  const auto found = find_key(directory, name);
  if (found != entries_.end()) postpone(found, now);
}

void SettleQueue::replaced(WatchedDirectory& directory, std::string_view name) {
  if (entries_.empty()) return;
  const auto found = find_key(directory, name);
  if (found != entries_.end()) drop(found);
}

void SettleQueue::renamed(WatchedDirectory& directory, std::string_view name, NoticedChange& seen) {
  if (entries_.empty()) return;
  const auto found = find_key(directory, name);
  if (found == entries_.end()) return;
  const auto& before = found->second.seen;
  // Another object has taken the name: the change is not about this one.
  if (before.object.known() && seen.object.known() && before.object != seen.object) return;
  seen.operation = before.operation;
  seen.who = before.who;
  erase(found);
}

// The trees take turns, so that a storm in one delays no other.
std::optional<SettledChange> SettleQueue::take(SteadyTime now, const Skipped& skipped) {
  std::vector<std::uint64_t> due;
  for (const auto& [home, tree] : trees_)
    if (tree.order.begin()->first <= now && !skipped.contains(home)) due.push_back(home);
  const auto first = std::upper_bound(due.begin(), due.end(), last_taken_);
  std::rotate(due.begin(), first, due.end());
  for (const auto home : due) {
    if (auto change = take_of(home, now)) {
      last_taken_ = home;
      return change;
    }
  }
  return std::nullopt;
}

std::optional<SettledChange> SettleQueue::take_of(std::uint64_t home, SteadyTime now) {
  for (;;) {
    const auto tree = trees_.find(home);
    if (tree == trees_.end() || tree->second.order.begin()->first > now) return std::nullopt;
    const auto at = entries_.find(*tree->second.order.begin()->second);
    auto* directory = directories_.find(at->first.directory);
    if (!directory) {  // gone, with all that was in it
      drop(at);
      continue;
    }
    if (at->second.seen.is_directory && !at->first.look) {
      // Changes below come first, and must have settled, too.
      const auto* itself = at->first.name.empty()
                               ? directory
                               : WatchedDirectories::find_child(*directory, at->first.name);
      if (itself && itself != directory) {
        const auto quiet = itself->last_activity + at->second.settle;
        const auto wait_for = itself->waiting_below > 0 ? now + at->second.settle : quiet;
        if (wait_for > now && now - at->second.first_seen < kLongestWaitBelow) {
          schedule(at->second, wait_for);
          continue;
        }
      }
    }
    SettledChange due{directory->number, directory->tree(),          at->first.name,
                      at->first.look,    std::move(at->second.seen), at->second.settle,
                      at->second.tries,  at->second.first_seen,      home};
    erase(at);
    return due;
  }
}

void SettleQueue::put_back(SettledChange due, SteadyTime until) {
  auto* directory = directories_.find(due.directory);
  if (!directory) return;  // gone, with all that was in it
  Key key{due.directory, std::move(due.name), due.look};
  const auto [at, is_new] = entries_.try_emplace(std::move(key));
  auto& entry = at->second;
  if (!is_new) {  // a newer change of the same name, which may lack its origin
    auto newer = std::move(entry.seen);
    entry.seen = std::move(due.seen);
    merge(entry, std::move(newer));
    return;
  }
  entry.home = directory->home->id;
  entry.seen = std::move(due.seen);
  entry.first_seen = due.first_seen;
  entry.tries = due.tries;
  entry.settle = due.settle;
  add(at, until);
  count_above(*directory, true);
}

const NoticedChange* SettleQueue::find(const WatchedDirectory& directory,
                                       std::string_view name) const {
  const auto found = entries_.find(KeyView{directory.number, name});
  return found == entries_.end() ? nullptr : &found->second.seen;
}

std::optional<SteadyTime> SettleQueue::next(const Skipped& skipped) const {
  std::optional<SteadyTime> next;
  for (const auto& [home, tree] : trees_) {
    if (skipped.contains(home)) continue;
    const auto first = tree.order.begin()->first;
    if (!next || first < *next) next = first;
  }
  return next;
}

void SettleQueue::forget_tree(std::uint32_t tree) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto* directory = directories_.find(at->first.directory);
    const auto here = at++;
    if (!directory || directory->tree() == tree) drop(here);
  }
}

}  // namespace guard
