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

}  // namespace

WatchedDirectory& WatchedDirectories::add(const FileId& id, std::uint32_t tree,
                                          WatchedDirectory* parent, std::string name) {
  auto made = std::make_unique<WatchedDirectory>();
  auto& directory = *made;
  directory.number = ++last_number_;
  directory.place_number = ++last_place_;
  directory.tree = tree;
  directory.name = std::move(name);
  directory.id = id;
  if (parent)
    attach(directory, *parent);
  else
    roots_[tree] = &directory;
  if (id.known()) by_id_[id] = &directory;
  by_number_[directory.number] = std::move(made);
  return directory;
}

WatchedDirectory* WatchedDirectories::find(const FileId& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

WatchedDirectory* WatchedDirectories::find(std::uint64_t number) const {
  const auto found = by_number_.find(number);
  return found == by_number_.end() ? nullptr : found->second.get();
}

WatchedDirectory* WatchedDirectories::find(std::uint32_t tree, std::string_view path) const {
  const auto root = roots_.find(tree);
  auto* at = root == roots_.end() ? nullptr : root->second;
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

void WatchedDirectories::renew_places(WatchedDirectory& directory) {
  std::vector<WatchedDirectory*> below{&directory};
  while (!below.empty()) {
    auto* each = below.back();
    below.pop_back();
    each->place_number = ++last_place_;
    for (const auto& [name, child] : each->children) below.push_back(child);
  }
}

void WatchedDirectories::move(WatchedDirectory& directory, WatchedDirectory& parent,
                              std::string name) {
  detach(directory);
  directory.name = std::move(name);
  attach(directory, parent);
  std::vector<WatchedDirectory*> below{&directory};
  while (directory.tree != parent.tree && !below.empty()) {
    auto* moved = below.back();
    below.pop_back();
    for (const auto& [child_name, child] : moved->children) below.push_back(child);
    if (moved != &directory) moved->tree = parent.tree;
  }
  directory.tree = parent.tree;
}

void WatchedDirectories::forget(WatchedDirectory& directory) {
  if (!directory.parent) roots_.erase(directory.tree);
  detach(directory);
  std::vector<WatchedDirectory*> below{&directory};
  while (!below.empty()) {
    auto* gone = below.back();
    below.pop_back();
    for (const auto& [name, child] : gone->children) below.push_back(child);
    // If the same directory was added again, this entry belongs to the new node.
    if (const auto known = by_id_.find(gone->id); known != by_id_.end() && known->second == gone)
      by_id_.erase(known);
    by_number_.erase(gone->number);
  }
}

void WatchedDirectories::forget_tree(std::uint32_t tree) {
  if (const auto root = roots_.find(tree); root != roots_.end()) forget(*root->second);
}

void WatchedDirectories::renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) {
  for (const auto& [number, directory] : by_number_) directory->tree = numbers.at(directory->tree);
  std::unordered_map<std::uint32_t, WatchedDirectory*> roots;
  for (const auto& [tree, root] : roots_) roots[root->tree] = root;
  roots_ = std::move(roots);
}

std::vector<const WatchedDirectory*> WatchedDirectories::all_of(std::uint32_t tree) const {
  std::vector<const WatchedDirectory*> all;
  const auto root = roots_.find(tree);
  if (root != roots_.end()) all.push_back(root->second);
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const auto& [name, child] : all[i]->children) all.push_back(child);
  return all;
}

WatchedDirectory* WatchedDirectories::reach(std::uint32_t tree, std::string_view path) {
  const auto root = roots_.find(tree);
  auto* at = root == roots_.end() ? nullptr : root->second;
  while (at && !path.empty()) {
    const auto name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(name.size() + 1, path.size()));
    at = &reach(*at, name);
  }
  return at;
}

WatchedDirectory& WatchedDirectories::reach(WatchedDirectory& parent, std::string_view name) {
  auto* child = find_child(parent, name);
  return child ? *child : add({}, parent.tree, &parent, std::string(name));
}

void WatchedDirectories::prune() {
  std::vector<WatchedDirectory*> idle;
  do {
    for (auto* each : idle) forget(*each);
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
