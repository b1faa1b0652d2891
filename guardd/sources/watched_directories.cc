#include "guardd/sources/watched_directories.h"

#include <algorithm>
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
  directory.tree = tree;
  directory.parent = parent;
  directory.name = std::move(name);
  directory.id = id;
  if (parent) parent->children.push_back(&directory);
  by_id_[id] = &directory;
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

WatchedDirectory* WatchedDirectories::find_child(const WatchedDirectory& parent,
                                                 std::string_view name) {
  const auto found =
      std::find_if(parent.children.begin(), parent.children.end(),
                   [&](const WatchedDirectory* child) { return child->name == name; });
  return found == parent.children.end() ? nullptr : *found;
}

void WatchedDirectories::detach(WatchedDirectory& directory) {
  if (!directory.parent) return;
  add_waiting(directory.parent, directory.waiting_below, false);
  auto& siblings = directory.parent->children;
  siblings.erase(std::find(siblings.begin(), siblings.end(), &directory));
  directory.parent = nullptr;
}

void WatchedDirectories::move(WatchedDirectory& directory, WatchedDirectory& parent,
                              std::string name) {
  detach(directory);
  directory.parent = &parent;
  directory.name = std::move(name);
  parent.children.push_back(&directory);
  add_waiting(&parent, directory.waiting_below, true);
  std::vector<WatchedDirectory*> below{&directory};
  while (directory.tree != parent.tree && !below.empty()) {
    auto* moved = below.back();
    below.pop_back();
    below.insert(below.end(), moved->children.begin(), moved->children.end());
    if (moved != &directory) moved->tree = parent.tree;
  }
  directory.tree = parent.tree;
}

void WatchedDirectories::forget(WatchedDirectory& directory) {
  detach(directory);
  std::vector<WatchedDirectory*> below{&directory};
  while (!below.empty()) {
    auto* gone = below.back();
    below.pop_back();
    below.insert(below.end(), gone->children.begin(), gone->children.end());
    // What came back as another node has an entry of its own by now.
    if (const auto known = by_id_.find(gone->id); known != by_id_.end() && known->second == gone)
      by_id_.erase(known);
    by_number_.erase(gone->number);
  }
}

void WatchedDirectories::forget_tree(std::uint32_t tree) {
  std::vector<WatchedDirectory*> roots;
  for (const auto& [number, directory] : by_number_)
    if (directory->tree == tree && !directory->parent) roots.push_back(directory.get());
  for (auto* root : roots) forget(*root);
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
