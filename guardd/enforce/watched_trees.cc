#include "guardd/enforce/watched_trees.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "guardd/files/object.h"
#include "policy/base/text.h"
#include "policy/covered.h"

namespace guard {
namespace {

constexpr auto kMoment = std::chrono::seconds(1);

// The trees to watch, by path.
std::map<std::string, std::uint32_t> active_trees(const PolicySet* set) {
  std::map<std::string, std::uint32_t> active;
  if (!set) return active;
  for (std::uint32_t tree = 0; tree < set->trees().size(); ++tree) {
    const auto& each = set->trees()[tree];
    if (set->policy_of(each).action() != Action::kOff) active.emplace(each.path, tree);
  }
  return active;
}

}  // namespace

void WatchedTrees::use_policies(std::shared_ptr<const PolicySet> set) {
  denied_.clear();
  if (const auto taken = source_.prepare(set); !taken) denied_ = taken.error().text();
  const auto numbers = unchanged_in(*set);
  for (std::uint32_t tree = 0; tree < watched_.size(); ++tree)
    if (!numbers.contains(tree)) forget(tree);
  source_.renumber(numbers);
  if (marks_) marks_->renumber(numbers);
  auto before = std::exchange(watched_, std::vector<FileId>(set->trees().size()));
  again_.clear();
  troubles_.clear();
  set_ = std::move(set);
  enforcer_.use_policies(set_);
  std::set<std::uint32_t> still_new;
  // Objects that were right may be wrong now, and excluded ones may be guarded.
  for (const auto& [old_number, number] : numbers) {
    if (new_.contains(old_number)) still_new.insert(number);
    watched_[number] = std::move(before[old_number]);
  }
  new_ = std::move(still_new);
  for (const auto& [old_number, number] : numbers) use_again(number);
  scan_visited();
  find();
  source_.finish();
  if (marks_) marks_->finish();
}

CoveredPart WatchedTrees::covered(std::uint32_t tree) const {
  const auto& which = set_->trees()[tree];
  return {set_->policy_of(which), nested_trees(*set_, which)};
}

void WatchedTrees::use_again(std::uint32_t tree) {
  if (!source_.renew(tree, covered(tree), enforcer_)) return replace(tree);
  if (marks_) marks_->update(tree, set_->trees()[tree].root(), covered(tree));
}

void WatchedTrees::look_again(std::uint32_t tree) {
  if (!source_.look_again(tree, enforcer_)) replace(tree);
}

void WatchedTrees::replace(std::uint32_t tree) {
  forget(tree);
  find_tree(tree, mounts_to_avoid());
}

// What happened before a tree was watched as a whole is found by a scan.
void WatchedTrees::scan_visited() {
  for (const auto tree : source_.take_visited()) {
    if (tree >= watched_.size() || !is_watched(tree)) continue;
    if (new_.erase(tree) > 0) enforcer_.watch(tree);
    scan(tree);
  }
}

// The watched trees that are the same in the next set, with their numbers there. Their pending
// changes stay pending. A tree changes if a tree below it is added or removed.
WatchedTrees::Numbers WatchedTrees::unchanged_in(const PolicySet& next) const {
  const auto now = active_trees(set_.get());
  const auto then = active_trees(&next);
  std::set<std::string> changed;
  const auto path_before = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::vector<std::pair<std::string, std::uint32_t>> difference;
  std::set_symmetric_difference(now.begin(), now.end(), then.begin(), then.end(),
                                std::back_inserter(difference), path_before);
  for (auto& [path, tree] : difference) changed.insert(std::move(path));
  Numbers numbers;
  for (const auto& [path, tree] : now) {
    const auto same = then.find(path);
    if (same == then.end() || !is_watched(tree)) continue;
    const auto below = changed.lower_bound(path + "/");
    if (below != changed.end() && below->starts_with(path + "/")) continue;
    numbers.emplace(tree, same->second);
  }
  return numbers;
}

// None if no file system can hold the source up.
MountTable WatchedTrees::mounts_to_avoid() const {
  return source_.looks_at_objects() ? current_mounts() : MountTable();
}

void WatchedTrees::find() {
  const auto mounts = mounts_to_avoid();
  for (std::uint32_t tree = 0; tree < watched_.size(); ++tree)
    if (!is_off(tree)) find_tree(tree, mounts);
}

// Fails safe: what may never answer is left to the repair process, which scans it.
void WatchedTrees::find_tree(std::uint32_t tree, const MountTable& mounts) {
  const auto& which = set_->trees()[tree];
  troubles_.erase(tree);
  if (const auto type = type_that_can_hang(mounts, which.root())) {
    forget(tree);
    troubles_[tree] = why_scanned(which.root(), "its file system, " + *type + ", may never answer");
    return;
  }
  const auto root = open_tree(which.root());
  root ? watch_tree(tree, *root) : forget(tree);
}

void WatchedTrees::watch_tree(std::uint32_t tree, const Object& root) {
  const auto& which = set_->trees()[tree];
  auto id = FileId::of(root.fd.get());
  if (id && watched_[tree] == *id && source_.still_watches(tree, root)) return;
  forget(tree);
  const auto done =
      id ? source_.watch_tree(tree, which.root(), covered(tree), enforcer_) : Status(id.error());
  if (!done) {
    if (done.error().code() == ENOENT) return;
    troubles_[tree] = why_scanned(which.root(), done.error().text());
    return;
  }
  if (marks_) marks_->update(tree, which.root(), covered(tree));
  watched_[tree] = *std::move(id);
  new_.insert(tree);
  scan_visited();
}

void WatchedTrees::forget(std::uint32_t tree) {
  if (!is_watched(tree)) return;
  watched_[tree] = FileId();
  new_.erase(tree);
  enforcer_.forget_tree(tree);
  source_.forget_tree(tree);
  if (marks_) marks_->forget_tree(tree);
}

bool WatchedTrees::catch_up(SteadyTime now) {
  if (const auto due = next(); !due || *due > now) return false;
  const bool is_again = !again_.empty();
  if (is_again) caught_up_ = now;
  for (const auto tree : std::exchange(again_, {})) {
    if (tree < watched_.size() && is_watched(tree)) look_again(tree);
  }
  if (now - scanned_at_ >= kBetweenScans) {
    scanned_at_ = now;
    const auto mounts = mounts_to_avoid();
    for (const auto& [tree, why] : std::exchange(troubles_, {})) {
      find_tree(tree, mounts);  // it may be possible now
      if (troubles_.contains(tree)) scan(tree);
    }
  }
  scan_visited();
  return is_again;
}

std::optional<SteadyTime> WatchedTrees::next() const {
  std::optional<SteadyTime> next;
  if (!again_.empty()) next = caught_up_ + kMoment;
  if (!troubles_.empty())
    next = std::min(next.value_or(SteadyTime::max()), scanned_at_ + kBetweenScans);
  return next;
}

std::map<std::uint32_t, std::string> WatchedTrees::troubles() const {
  auto all = source_.troubles();
  all.insert(troubles_.begin(), troubles_.end());
  const auto& hanging = repairs_.hanging();
  for (std::uint32_t tree = 0; tree < watched_.size(); ++tree) {
    const auto& which = set_->trees()[tree];
    if (hanging.contains(which.path))
      all.insert_or_assign(tree, "the file system of " + quote(which.root()) +
                                     " does not respond: guardd fixes files there once it does");
  }
  return all;
}

void WatchedTrees::scan(std::uint32_t tree) {
  repairs_.scan(set_, tree, std::string(watched_[tree].filesystem()));
}

void WatchedTrees::scan_all() {
  for (const auto tree : watched()) scan(tree);
}

void WatchedTrees::release() {
  for (std::uint32_t tree = 0; tree < watched_.size(); ++tree) forget(tree);
}

std::vector<std::uint32_t> WatchedTrees::watched() const {
  std::vector<std::uint32_t> trees;
  for (std::uint32_t tree = 0; tree < watched_.size(); ++tree)
    if (is_watched(tree)) trees.push_back(tree);
  return trees;
}

}  // namespace guard
