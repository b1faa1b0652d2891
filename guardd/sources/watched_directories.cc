#include "guardd/sources/watched_directories.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace guard {
namespace {

void add_waiting(WatchedDirectory* from, std::uint32_t count, bool more) {
  for (auto* above = from; above; above = above->parent)
    above->waiting_below = more ? above->waiting_below + count : above->waiting_below - count;
}

// Whether a tree still leads to it.
bool is_reached(const WatchedDirectory& directory) {
  const auto* top = &directory;
  while (top->parent) top = top->parent;
  return top->home->root == top;
}

WatchedDirectory* reached(WatchedDirectory* directory) {
  return directory && is_reached(*directory) ? directory : nullptr;
}

}  // namespace

WatchedDirectory& WatchedDirectories::add(const FileId& id, std::uint32_t tree,
                                          WatchedDirectory* parent, std::string name) {
  auto made = std::make_unique<WatchedDirectory>();
  auto& directory = *made;
  directory.number = ++last_number_;
  directory.name = std::move(name);
  directory.id = id;
  directory.home = parent ? parent->home : &home_of(tree, directory);
  ++directory.home->directories;
  if (parent) attach(directory, *parent);
  if (id.known()) {
    // If one of this identity was forgotten, it is found no longer.
    by_id_.erase(&directory);
    by_id_.insert(&directory);
  }
  by_number_[directory.number] = std::move(made);
  return directory;
}

WatchedTree& WatchedDirectories::home_of(std::uint32_t tree, WatchedDirectory& root) {
  auto& home = *homes_.emplace_back(std::make_unique<WatchedTree>());
  home.id = ++last_tree_;
  home.number = tree;
  home.root = &root;
  trees_[tree] = &home;
  return home;
}

WatchedTree* WatchedDirectories::tree(std::uint32_t number) const {
  const auto at = trees_.find(number);
  return at == trees_.end() ? nullptr : at->second;
}

WatchedDirectory* WatchedDirectories::find(const FileId& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : reached(*found);
}

WatchedDirectory* WatchedDirectories::find(std::uint64_t number) const {
  const auto found = by_number_.find(number);
  return found == by_number_.end() ? nullptr : reached(found->second.get());
}

WatchedDirectory* WatchedDirectories::find(std::uint32_t tree, std::string_view path) const {
  const auto* home = this->tree(tree);
  auto* at = home ? home->root : nullptr;
  while (at && !path.empty()) {
    const auto name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(name.size() + 1, path.size()));
    at = find_child(*at, name);
  }
  return at;
}

WatchedDirectory* WatchedDirectories::find_child(const WatchedDirectory& parent,
                                                 std::string_view name) {
  const auto [first, end] = parent.children.equal_range(name);
  return first == end ? nullptr : std::prev(end)->second;
}

void WatchedDirectories::attach(WatchedDirectory& directory, WatchedDirectory& parent) {
  directory.parent = &parent;
  directory.place = parent.children.emplace(directory.name, &directory);
  add_waiting(&parent, directory.waiting_below, true);
}

void WatchedDirectories::detach(WatchedDirectory& directory) {
  if (!directory.parent) return;
  add_waiting(directory.parent, directory.waiting_below, false);
  directory.parent->children.erase(directory.place);
  directory.parent = nullptr;
}

std::uint64_t WatchedDirectories::renewal_of(const WatchedDirectory& directory) {
  std::uint64_t latest = 0;
  for (const auto* above = &directory; above; above = above->parent)
    latest = std::max(latest, above->renewed);
  return latest;
}

// What ceased to count at the old place does not count at the new one either.
void WatchedDirectories::move(WatchedDirectory& directory, WatchedDirectory& parent,
                              std::string name) {
  directory.renewed = renewal_of(directory);
  detach(directory);
  directory.name = std::move(name);
  attach(directory, parent);
}

void WatchedDirectories::forget(WatchedDirectory& directory, bool has_marks) {
  if (auto* home = directory.home; home->root == &directory) {
    home->root = nullptr;
    trees_.erase(home->number);
  }
  detach(directory);
  forgotten_.push_back({&directory, has_marks});
}

void WatchedDirectories::forget_tree(std::uint32_t tree, bool has_marks) {
  if (const auto* home = this->tree(tree)) forget(*home->root, has_marks);
}

void WatchedDirectories::release(std::chrono::steady_clock::time_point until,
                                 const std::function<void(const WatchedDirectory&)>& unmark) {
  constexpr unsigned kBetweenLooks = 64;  // looks at the clock
  for (unsigned count = 1; !forgotten_.empty(); ++count) {
    if (count % kBetweenLooks == 0 && std::chrono::steady_clock::now() >= until) return;
    const auto [directory, has_marks] = forgotten_.front();
    if (!directory->children.empty()) {
      auto& child = *directory->children.begin()->second;
      directory->children.erase(directory->children.begin());
      child.parent = nullptr;
      forgotten_.push_back({&child, has_marks});
      continue;
    }
    forgotten_.pop_front();
    if (has_marks && unmark) unmark(*directory);
    erase(*directory);
  }
}

void WatchedDirectories::erase(WatchedDirectory& directory) {
  if (const auto known = by_id_.find(&directory); known != by_id_.end() && *known == &directory)
    by_id_.erase(known);
  auto* home = directory.home;
  by_number_.erase(directory.number);
  if (--home->directories == 0)
    std::erase_if(homes_, [home](const auto& each) { return each.get() == home; });
}

void WatchedDirectories::renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) {
  std::unordered_map<std::uint32_t, WatchedTree*> trees;
  for (const auto& [number, home] : trees_) {
    home->number = numbers.at(number);
    trees[home->number] = home;
  }
  trees_ = std::move(trees);
}

WatchedDirectory* WatchedDirectories::reach(std::uint32_t tree, std::string_view path) {
  const auto* home = this->tree(tree);
  auto* at = home ? home->root : nullptr;
  while (at && !path.empty()) {
    const auto name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(name.size() + 1, path.size()));
    at = &reach(*at, name);
  }
  return at;
}

WatchedDirectory& WatchedDirectories::reach(WatchedDirectory& parent, std::string_view name) {
  auto* child = find_child(parent, name);
  return child ? *child : add({}, parent.tree(), &parent, std::string(name));
}

void WatchedDirectories::prune() {
  std::vector<WatchedDirectory*> idle;
  do {
    for (auto* each : idle) forget(*each);
    release(std::chrono::steady_clock::time_point::max());
    idle.clear();
    for (const auto& [number, each] : by_number_)
      if (each->parent && each->children.empty() && each->waiting_below == 0)
        idle.push_back(each.get());
  } while (!idle.empty());
}

std::string WatchedDirectories::path_of(const WatchedDirectory& directory, std::string_view name) {
  std::vector<std::string_view> names;
  if (!name.empty()) names.push_back(name);
  for (const auto* at = &directory; at->parent; at = at->parent) names.emplace_back(at->name);
  std::string path;
  for (auto each = names.rbegin(); each != names.rend(); ++each) {
    if (!path.empty()) path += '/';
    path += *each;
  }
  return path;
}

}  // namespace guard
