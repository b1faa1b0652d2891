// The directories that are watched: the tree of each, and the names that lead to it. The names are
// only what notices said: check them against the file system before you act on one. One thread: the
// daemon's loop.
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
  std::uint64_t number = 0;  // never used again, unlike an address
  // For what is known of the inodes in it, see InodePlace. Never used again either.
  std::uint64_t place_number = 0;
  std::uint32_t tree = 0;
  WatchedDirectory* parent = nullptr;  // null: the root of a tree
  std::string name;                    // in its parent; empty for a root
  FileId id;
  // By their names. Two can have the same name until the notice of a rename arrives.
  std::multimap<std::string_view, WatchedDirectory*> children;
  std::multimap<std::string_view, WatchedDirectory*>::iterator place;  // in the parent's map

  std::uint32_t visit = 0;  // the last walk over all directories of the tree that met it

  // For settling: how many changes below are waiting, and when something last happened below.
  std::uint32_t waiting_below = 0;
  std::chrono::steady_clock::time_point last_activity;
};

class WatchedDirectories {
 public:
  // A directory whose identity is unknown is found by its names alone.
  WatchedDirectory& add(const FileId& id, std::uint32_t tree, WatchedDirectory* parent,
                        std::string name);

  WatchedDirectory* find(const FileId& id) const;
  WatchedDirectory* find(std::uint64_t number) const;
  // By its path in the tree.
  WatchedDirectory* find(std::uint32_t tree, std::string_view path) const;
  // The same, but adds the directories on the way that are not known. Null: the tree is unknown.
  WatchedDirectory* reach(std::uint32_t tree, std::string_view path);
  // The child of this name; added if it is not known.
  WatchedDirectory& reach(WatchedDirectory& parent, std::string_view name);
  // The newest child of this name.
  static WatchedDirectory* find_child(const WatchedDirectory& parent, std::string_view name);

  // The directory is somewhere else now, with everything below it.
  static void move(WatchedDirectory& directory, WatchedDirectory& parent, std::string name);
  // What is known of the inodes in it and below it counts no longer.
  void renew_places(WatchedDirectory& directory);
  // The directory is no longer in a tree, and neither is anything below it.
  void forget(WatchedDirectory& directory);
  void forget_tree(std::uint32_t tree);
  // Gives trees new numbers, by their old ones. Trees that are not in the map must have been
  // forgotten before.
  void renumber(const std::map<std::uint32_t, std::uint32_t>& numbers);
  // All directories of a tree, the root first.
  std::vector<const WatchedDirectory*> all_of(std::uint32_t tree) const;

  // "a/b", or "a/b/NAME"; "" for the root.
  static std::string path_of(const WatchedDirectory& directory, std::string_view name = {});

  // Forgets directories in which no change is waiting.
  void prune();

  std::size_t size() const { return by_number_.size(); }

 private:
  static void attach(WatchedDirectory& directory, WatchedDirectory& parent);
  static void detach(WatchedDirectory& directory);

  std::uint64_t last_number_ = 0;
  std::uint64_t last_place_ = 0;
  std::unordered_map<std::uint32_t, WatchedDirectory*> roots_;  // by tree
  std::unordered_map<FileId, WatchedDirectory*> by_id_;
  std::unordered_map<std::uint64_t, std::unique_ptr<WatchedDirectory>> by_number_;
};

}  // namespace guard
