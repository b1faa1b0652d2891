// The directories that are watched: which tree each is in, and by what names it is reached. Names
// are a guess of ours that renames keep true; whoever acts on one checks it against the file system
// first. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "guardd/files/file_id.h"

namespace guard {

struct WatchedDirectory {
  std::uint64_t number = 0;  // never given out again, unlike an address
  std::uint32_t tree = 0;
  WatchedDirectory* parent = nullptr;  // null: the root of a tree
  std::string name;                    // in its parent; empty for a root
  FileId id;
  // By their names. Two can have the same for a while, when one was moved away and nobody told yet.
  std::multimap<std::string_view, WatchedDirectory*> children;
  std::multimap<std::string_view, WatchedDirectory*>::iterator place;  // in the parent's

  std::uint32_t visit = 0;  // the last time that all directories of the tree were looked for

  // For settling: how many changes below wait to be judged, and when something last happened below.
  std::uint32_t waiting_below = 0;
  std::chrono::steady_clock::time_point last_activity;
};

class WatchedDirectories {
 public:
  // One whose identity is not known is found by its names alone.
  WatchedDirectory& add(const FileId& id, std::uint32_t tree, WatchedDirectory* parent,
                        std::string name);

  WatchedDirectory* find(const FileId& id) const;
  WatchedDirectory* find(std::uint64_t number) const;
  // By its path in the tree.
  WatchedDirectory* find(std::uint32_t tree, std::string_view path) const;
  // The same, and what is not known on the way there is from here on. Null: nor is the tree.
  WatchedDirectory* reach(std::uint32_t tree, std::string_view path);
  // The newest of that name.
  static WatchedDirectory* find_child(const WatchedDirectory& parent, std::string_view name);

  // It is somewhere else now, with all that is below.
  static void move(WatchedDirectory& directory, WatchedDirectory& parent, std::string name);
  // It is not in a tree any more, nor is what is below.
  void forget(WatchedDirectory& directory);
  void forget_tree(std::uint32_t tree);
  // Trees have other numbers from here on: those that were at the numbers given. What is not in the
  // map must have been forgotten before.
  void renumber(const std::map<std::uint32_t, std::uint32_t>& numbers);
  // All of a tree, the root first.
  std::vector<const WatchedDirectory*> all_of(std::uint32_t tree) const;

  // "a/b", or "a/b/NAME"; "" for the root.
  static std::string path_of(const WatchedDirectory& directory, std::string_view name = {});

  // Lets go of what nothing waits in.
  void prune();

  std::size_t size() const { return by_number_.size(); }

 private:
  static void attach(WatchedDirectory& directory, WatchedDirectory& parent);
  static void detach(WatchedDirectory& directory);

  std::uint64_t last_number_ = 0;
  std::unordered_map<std::uint32_t, WatchedDirectory*> roots_;  // by tree
  std::unordered_map<FileId, WatchedDirectory*> by_id_;
  std::unordered_map<std::uint64_t, std::unique_ptr<WatchedDirectory>> by_number_;
};

}  // namespace guard
