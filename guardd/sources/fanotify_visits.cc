// The steps of walks through trees: which directories to watch, and what they held when they came.
#include <sys/fanotify.h>

#include <algorithm>
#include <utility>

#include "guardd/files/listing.h"
#include "guardd/sources/fanotify_source.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using WatchVerdict = WalkedDirectory::WatchVerdict;

// One turn of the loop.
constexpr auto kSlice = std::chrono::milliseconds(5);

// How soon guardd tries again to watch what was beyond the limit.
constexpr auto kBetweenTries = std::chrono::seconds(10);

constexpr std::size_t kMostDisplaced = 1'000;
constexpr std::size_t kUnmarkedAtOnce = 256;

}  // namespace

std::optional<FanotifySource::Time> FanotifySource::next() const {
  if (has_steps_ || directories_.has_forgotten()) return Time();
  std::optional<Time> due;
  for (const auto& [tree, place] : trees_) {
    if (!place.unchecked.empty()) return Time();
    if ((place.unwatched > 0 || !place.trouble.empty()) && !place.is_visiting)
      due = std::min(due.value_or(Time::max()), place.limited_at);
  }
  return due;
}

// The lock is free between two steps, so that a question need not wait for the whole turn.
void FanotifySource::work(NoticeReader& reader) {
  const auto until = std::chrono::steady_clock::now() + kSlice;
  has_steps_ = true;
  while (std::chrono::steady_clock::now() < until) {
    const auto step = walks_->take();
    has_steps_ = step.has_value();
    if (!step) break;
    const auto locked = lock();
    handle_step(*step, reader);
    if (witness_) witness_->arrived();
  }
  const auto locked = lock();
  if (witness_) witness_->end_turn();
  for (auto& [tree, place] : trees_)
    if (!place.unchecked.empty() && check(place, until)) finish_visit(tree, place);
  if (directories_.has_forgotten()) release_forgotten(until);
  watch_more(std::chrono::steady_clock::now());
}

std::map<std::uint32_t, std::size_t> FanotifySource::visits() const {
  std::map<std::uint32_t, std::size_t> all;
  for (const auto& [tree, place] : trees_)
    if (place.is_visiting) all.emplace(tree, place.met);
  return all;
}

void FanotifySource::visit(Place& place) {
  if (place.is_visiting) {
    place.visits_again = true;
    return;
  }
  place.is_visiting = true;
  place.visits_again = false;
  place.met = 0;
  place.unwatched = 0;
  place.next_trouble.clear();
  place.unchecked.clear();
  place.waits = !leaving_.empty();
  if (!place.waits) start_visit(place);
}

void FanotifySource::start_visit(Place& place) {
  place.waits = false;
  walks_->visit(place.watch, place.root, ++place.visit);
}

void FanotifySource::handle_step(const WalkStep& step, NoticeReader& reader) {
  const auto number = numbers_.find(step.watch);
  if (number == numbers_.end()) {  // the tree is forgotten
    if (!step.chunk) return;
    for (auto& directory : step.chunk->directories) directory.verdict = WatchVerdict::kUnmark;
    return walks_->answer(*step.chunk);
  }
  const auto tree = number->second;
  auto& place = trees_.at(tree);
  switch (step.kind) {
    case WalkStep::Kind::kDirectories:
      return decide(tree, place, *step.chunk);
    case WalkStep::Kind::kEntries:
      return report(step, reader);
    case WalkStep::Kind::kGone:
      return forget_gone(step, reader);
    case WalkStep::Kind::kTrouble:
      return note_trouble(place, step.name, step.trouble);
    case WalkStep::Kind::kEnd:
      if (place.is_visiting && step.visit == place.visit) end_visit(tree, place, reader);
      return;
  }
}

void FanotifySource::decide(std::uint32_t tree, Place& place, WalkChunk& chunk) {
  auto room = room_of(tree);
  for (auto& directory : chunk.directories) {
    if (directory.is_new_name && place.new_names > 0) --place.new_names;
    if (directory.visit != 0 && place.is_visiting) ++place.met;
    if (directory.is_apart) mark_apart(tree, place, directory);
    if (!directory.trouble.empty()) {
      note_trouble(place, directory.path, directory.trouble);
      directory.verdict = WatchVerdict::kUnmark;
      continue;
    }
    directory.verdict = verdict_on(tree, place, directory, room);
    if (directory.verdict != WatchVerdict::kList) continue;
    auto* known = directories_.find(directory.id);
    known->is_arriving = directory.arrival && directory.arrival->found;
    directory.losses = known->losses;
    directory.renewal = WatchedDirectories::renewal_of(*known);
  }
  walks_->answer(chunk);
}

// A visit later says whether it still is so.
void FanotifySource::note_trouble(Place& place, const std::string& path, const std::string& why) {
  place.next_trouble = why_scanned(path.empty() ? place.path : place.path + '/' + path, why);
  if (!place.trouble.empty()) return;
  has_trouble_news_ = true;
  place.trouble = place.next_trouble;
  place.limited_at = std::chrono::steady_clock::now();
  if (place.is_visiting) place.limited_at += kBetweenScans;
}

// Later directories of the subvolume are marked by the walk.
void FanotifySource::mark_apart(std::uint32_t tree, Place& place, WalkedDirectory& directory) {
  const auto queue = place.queues.find(directory.id.volume());
  Status done;
  if (queue != place.queues.end()) {
    done = mark_directory(queues_.group(queue->second), directory.fd.get(), place.mask);
  } else {
    done = watch_file_system(tree, place, directory.id, directory.fd.get());
    if (done) use_terms(tree, place);
  }
  if (!done) directory.trouble = done.error().text();
}

// From here on, notices say what happens to the directory. A walk meets it before they do, or
// after.
WatchVerdict FanotifySource::verdict_on(std::uint32_t tree, Place& place,
                                        const WalkedDirectory& directory, std::size_t& room) {
  if (!directory.id.known()) return WatchVerdict::kLeave;  // gone
  auto* known = directories_.find(directory.id);
  if (!directory.parent.known()) {
    if (!known || known->tree() != tree || known->parent) return WatchVerdict::kUnmark;
    // Its mark may have been missing until now.
    if (place.is_first_visit) directories_.renew_places(*known);
    known->visit = place.visit;
    return WatchVerdict::kList;
  }
  auto* parent = directories_.find(directory.parent);
  if (!parent || parent->tree() != tree || is_covered(*parent, directory.name))
    return known ? WatchVerdict::kLeave : WatchVerdict::kUnmark;
  if (known && !known->parent) return WatchVerdict::kLeave;  // the root of a tree
  std::uint64_t other_watch = 0;
  if (known && known->home != parent->home) {
    // Its own queue has not reported yet that it left.
    other_watch = known->home->watch;
    directories_.forget(*known);
    known = nullptr;
  }
  if (known) {
    if (known->parent != parent || known->name != directory.name) {
      for (const auto* above = parent; above; above = above->parent)
        if (above == known) return WatchVerdict::kLeave;
      directories_.renew_places(*known);  // an event was lost, or is still to come
      WatchedDirectories::move(*known, *parent, directory.name);
    }
    known->visit = place.visit;
    return directory.visit != 0 ? WatchVerdict::kList : WatchVerdict::kLeave;
  }
  if (room == 0) {
    ++place.unwatched;
    if (set_) ++unwatched_[set_->policy_of(set_->trees()[tree]).name()];
    if (!place.is_limited) has_trouble_news_ = true;
    place.is_limited = true;
    place.limited_at = std::chrono::steady_clock::now() + kBetweenTries;
    return WatchVerdict::kUnmark;
  }
  --room;
  auto& added = directories_.add(directory.id, tree, parent, directory.name);
  added.visit = place.visit;
  const auto queue = place.queues.find(directory.id.volume());
  added.queue = queue == place.queues.end() ? parent->queue : queue->second;
  if (other_watch != 0 && displaced_.size() < kMostDisplaced)
    displaced_.emplace(added.number, other_watch);
  return WatchVerdict::kList;
}

// What the directory held when it came. If an inode in it has lost its evidence since, or other
// terms apply, it is not known which ones the list is still true for.
void FanotifySource::report(const WalkStep& step, NoticeReader& reader) {
  auto* directory = directories_.find(step.directory);
  if (!directory || directory->home->watch != step.watch) return;
  if (step.is_last) directory->is_arriving = false;
  const bool is_proven = witness_ && step.by_root_alone && step.losses == directory->losses &&
                         step.renewal == WatchedDirectories::renewal_of(*directory);
  const auto& arrival = *step.arrival;
  for (const auto& entry : step.entries) {
    if (is_proven) witness_->found(*directory, entry.name, entry.id);
    auto notice = *arrival.found;
    notice.directory = directory;
    notice.name = entry.name;
    notice.object = entry.id;
    notice.is_directory = entry.is_directory;
    notice.pid_check = {arrival.is_gone, arrival.process.get()};
    reader.noticed(notice);
  }
}

// It was moved before it was known here. If it was known in another tree, it may be there again.
void FanotifySource::forget_gone(const WalkStep& step, NoticeReader& reader) {
  auto* known = directories_.find(step.directory);
  if (!known || !known->parent || known->parent->id != step.parent || known->name != step.name)
    return;
  if (const auto before = displaced_.find(known->number); before != displaced_.end()) {
    if (const auto tree = numbers_.find(before->second); tree != numbers_.end())
      reader.lost_sight(tree->second, "a directory was moved between trees and back");
    displaced_.erase(before);
  }
  directories_.forget(*known);
}

// Directories that this visit has not met are gone, or covered now. If it has not even met the
// root, another directory may be there.
void FanotifySource::end_visit(std::uint32_t tree, Place& place, NoticeReader& reader) {
  not_marked_.erase(place.watch);
  end_change_if_marked();
  const auto* root = directories_.find(tree, "");
  const bool is_met = root && root->visit == place.visit;
  if (!is_met) reader.lost_sight(tree, "its root could not be visited");
  if (!place.is_first_visit && is_met && !place.visits_again)
    place.unchecked.push_back(root->number);
  else
    finish_visit(tree, place);
}

bool FanotifySource::check(Place& place, Time until) {
  constexpr unsigned kBetweenLooks = 64;  // looks at the clock
  for (unsigned count = 1; !place.unchecked.empty(); ++count) {
    if (count % kBetweenLooks == 0 && std::chrono::steady_clock::now() >= until) return false;
    const auto number = place.unchecked.front();
    place.unchecked.pop_front();
    auto* directory = directories_.find(number);
    if (!directory) continue;
    if (directory->visit != place.visit) {
      directories_.forget(*directory, true);
      continue;
    }
    for (const auto& [name, child] : directory->children) place.unchecked.push_back(child->number);
  }
  return true;
}

void FanotifySource::finish_visit(std::uint32_t tree, Place& place) {
  place.is_visiting = false;
  place.is_first_visit = false;
  const bool is_limited = place.unwatched > 0;
  if (is_limited != place.is_limited) has_trouble_news_ = true;
  place.is_limited = is_limited;
  if (place.trouble != place.next_trouble) has_trouble_news_ = true;
  place.trouble = place.next_trouble;
  if (!place.trouble.empty()) place.limited_at = std::chrono::steady_clock::now() + kBetweenScans;
  if (place.visits_again) return visit(place);
  visited_.push_back(tree);
}

// ---- bounds

// How many more directories may be watched under the policy of this tree.
std::size_t FanotifySource::room_of(std::uint32_t tree) const {
  if (!set_) return SIZE_MAX;
  const auto policy = set_->trees()[tree].policy;
  std::size_t watched = 0;
  for (const auto& [number, place] : trees_) {
    if (set_->trees()[number].policy != policy) continue;
    if (const auto* home = directories_.tree(number)) watched += home->directories;
  }
  return limits_.directories - std::min<std::size_t>(limits_.directories, watched);
}

std::map<std::uint32_t, std::string> FanotifySource::troubles() const {
  std::map<std::uint32_t, std::string> all;
  for (const auto& [tree, place] : trees_) {
    if (!place.trouble.empty()) all[tree] = place.trouble;
    if (!place.is_limited || !set_) continue;
    all[tree] = "the policy " + quote(set_->policy_of(set_->trees()[tree]).name()) +
                " has more directories than directories = " + std::to_string(limits_.directories) +
                " in [limits] allows: some in " + quote(place.path) +
                " are not watched, and only scans check them";
  }
  return all;
}

// Visits trees again in which directories were beyond the limit, once there is room, or could not
// be watched.
void FanotifySource::watch_more(Time now) {
  for (auto& [tree, place] : trees_) {
    const bool has_trouble = !place.trouble.empty();
    if ((place.unwatched == 0 && !has_trouble) || place.is_visiting || now < place.limited_at)
      continue;
    place.limited_at = now + (has_trouble ? kBetweenScans : Time::duration(kBetweenTries));
    if (has_trouble || room_of(tree) > limits_.directories / 20) visit(place);
  }
}

void FanotifySource::release_forgotten(Time until) {
  const auto pass_on = [this](std::uint64_t watch, std::vector<FileId>& all) {
    if (!all.empty()) walks_->unmark(watch, std::exchange(all, {}));
  };
  directories_.release(until, [&](const WatchedDirectory& directory) {
    const auto watch = directory.home->watch;
    auto& all = to_unmark_[watch];
    all.push_back(directory.id);
    if (all.size() >= kUnmarkedAtOnce) pass_on(watch, all);
  });
  if (directories_.has_forgotten()) return;
  for (auto& [watch, all] : to_unmark_) pass_on(watch, all);
  to_unmark_.clear();
  for (const auto watch : std::exchange(leaving_, {})) walks_->forget(watch);
  for (auto& [tree, place] : trees_)
    if (place.waits) start_visit(place);
}

}  // namespace guard
