#include "guardd/settle.h"

#include <utility>

namespace guard {
namespace {

void count_above(WatchedDirectory& directory, bool more) {
  for (auto* above = &directory; above; above = above->parent)
    more ? ++above->waiting_below : --above->waiting_below;
}

}  // namespace

void Settle::schedule(const Key& key, Entry& entry, SteadyTime deadline) {
  order_.erase({entry.deadline, key});
  entry.deadline = deadline;
  order_.emplace(deadline, key);
}

void Settle::erase(Entries::iterator at) {
  order_.erase({at->second.deadline, at->first});
  if (at->first.look) --looks_;
  if (auto* directory = directories_.find(at->first.directory)) count_above(*directory, false);
  entries_.erase(at);
}

// A directory that is being filled has not come to rest either.
void Settle::stir_above(WatchedDirectory& directory, SteadyTime now) {
  for (auto* above = &directory; above; above = above->parent) above->last_activity = now;
}

// The last who did something decides whose doing it is; evidence, once there is some, stays:
// nothing but the owner putting another object there takes it away.
void Settle::merge(Entry& entry, Seen seen) {
  if (seen.evidence == Evidence::kNone && entry.seen.evidence != Evidence::kNone) {
    if (seen.object.known() && entry.seen.object.known() && seen.object != entry.seen.object)
      entry.seen = std::move(seen);
    return;
  }
  const bool made_before =
      entry.seen.operation != Operation::kChown && seen.operation == Operation::kChown;
  if (made_before) seen.operation = entry.seen.operation;  // made, then changed: it was made
  if (!seen.object.known()) seen.object = entry.seen.object;
  entry.seen = std::move(seen);
}

void Settle::seen(WatchedDirectory& directory, std::string_view name, Seen seen,
                  std::chrono::microseconds settle, SteadyTime now) {
  stir_above(directory, now);
  Key key{directory.number, std::string(name), false};
  const auto found = entries_.find(key);
  if (found == entries_.end() && entries_.size() >= most_)
    return storm(directory, std::move(seen), settle, now);
  if (found != entries_.end()) {
    merge(found->second, std::move(seen));
    return schedule(found->first, found->second, now + settle);
  }
  const auto added =
      entries_.emplace(std::move(key), Entry{std::move(seen), settle, now, {}, 0}).first;
  schedule(added->first, added->second, now + settle);
  count_above(directory, true);
}

// One entry stands for all that happens in the directory. Evidence only lasts while everything in
// it was somebody else's doing.
void Settle::storm(WatchedDirectory& directory, Seen seen, std::chrono::microseconds settle,
                   SteadyTime now) {
  Key key{directory.number, {}, true};
  seen.object = {};
  const auto found = entries_.find(key);
  if (found != entries_.end()) {
    if (seen.evidence == Evidence::kNone) found->second.seen.evidence = Evidence::kNone;
    return schedule(found->first, found->second, now + settle);
  }
  if (looks_ >= kMostLooks) {
    overflowed_.insert(directory.tree);
    return;
  }
  ++storms_;
  ++looks_;
  const auto added =
      entries_.emplace(std::move(key), Entry{std::move(seen), settle, now, {}, 0}).first;
  schedule(added->first, added->second, now + settle);
  count_above(directory, true);
}

void Settle::stirred(WatchedDirectory& directory, std::string_view name, SteadyTime now) {
  if (entries_.empty()) return;
  stir_above(directory, now);
  const auto found = entries_.find({directory.number, std::string(name), false});
  if (found != entries_.end()) schedule(found->first, found->second, now + found->second.settle);
}

void Settle::replaced(WatchedDirectory& directory, std::string_view name) {
  if (entries_.empty()) return;
  const auto found = entries_.find({directory.number, std::string(name), false});
  if (found != entries_.end()) erase(found);
  const auto look = entries_.find({directory.number, {}, true});
  if (look != entries_.end()) look->second.seen.evidence = Evidence::kNone;
}

std::optional<Due> Settle::take(SteadyTime now) {
  while (!order_.empty() && order_.begin()->first <= now) {
    const auto at = entries_.find(order_.begin()->second);
    auto* directory = directories_.find(at->first.directory);
    if (!directory) {  // gone, with all that was in it
      erase(at);
      continue;
    }
    if (at->second.seen.is_directory && !at->first.look) {
      // What is below comes first, and it must have been quiet as well.
      const auto* itself = at->first.name.empty()
                               ? directory
                               : WatchedDirectories::find_child(*directory, at->first.name);
      if (itself && itself != directory) {
        const auto quiet = itself->last_activity + at->second.settle;
        const auto wait_for = itself->waiting_below > 0 ? now + at->second.settle : quiet;
        if (wait_for > now) {
          schedule(at->first, at->second, wait_for);
          continue;
        }
      }
    }
    Due due{directory,         at->first.name,   at->first.look,       std::move(at->second.seen),
            at->second.settle, at->second.tries, at->second.first_seen};
    erase(at);
    return due;
  }
  return std::nullopt;
}

void Settle::put_back(Due due, SteadyTime until) {
  Key key{due.directory->number, std::move(due.name), due.look};
  const auto [at, is_new] = entries_.try_emplace(std::move(key));
  auto& entry = at->second;
  if (!is_new) return;  // something newer is known of it
  entry.seen = std::move(due.seen);
  entry.first_seen = due.first_seen;
  entry.tries = due.tries + 1;
  entry.settle = due.settle;
  if (at->first.look) ++looks_;
  schedule(at->first, entry, until);
  count_above(*due.directory, true);
}

std::optional<SteadyTime> Settle::next() const {
  return order_.empty() ? std::nullopt : std::optional(order_.begin()->first);
}

void Settle::forget_tree(std::uint32_t tree) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto* directory = directories_.find(at->first.directory);
    const auto here = at++;
    if (!directory || directory->tree == tree) erase(here);
  }
}

}  // namespace guard
