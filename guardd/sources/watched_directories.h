// The directories that are watched: the tree of each, and the names that lead to it. The names are
// only what notices said: check them against the file system before you act on one. Forgetting a
// directory takes the same time whatever is below it; the memory is released in slices. One thread:
// the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "guardd/files/file_id.h"

namespace guard {

struct WatchedDirectory;

// One tree, which its directories refer to: its number changes with the policies.
struct WatchedTree {
  std::uint64_t id = 0;  // never used again
  std::uint32_t number = 0;
  std::uint64_t watch = 0;           // of the source: the number by which it knows the tree
  WatchedDirectory* root = nullptr;  // null: forgotten
  std::size_t directories = 0;       // also those that are forgotten and not released yet
};

struct WatchedDirectory {
  std::uint64_t number = 0;  // never used again, unlike an address
  WatchedTree* home = nullptr;
  WatchedDirectory* parent = nullptr;  // null: the root of a tree, or forgotten
  std::string name;                    // in its parent; empty for a root
  FileId id;
  std::uint32_t queue = 0;  // of the source: the one that its events come from
  // By their names. Two can have the same name until the notice of a rename arrives.
  std::multimap<std::string_view, WatchedDirectory*> children;
  std::multimap<std::string_view, WatchedDirectory*>::iterator place;  // in the parent's map

  // When what is known of the inodes in it and below it last ceased to count.
  std::uint64_t renewed = 0;
  std::uint32_t visit = 0;   // the last walk over all directories of the tree that met it
  std::uint32_t losses = 0;  // how often an inode in it lost its evidence
  bool is_arriving = false;  // what it held when it came is not known yet

  // For settling: how many changes below are waiting, and when something last happened below.
  std::uint32_t waiting_below = 0;
  std::chrono::steady_clock::time_point last_activity;

  std::uint32_t tree() const { return home->number; }
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

  // The directory is somewhere else in its tree now, with everything below it.
  static void move(WatchedDirectory& directory, WatchedDirectory& parent, std::string name);
  // What is known of the inodes in it and below it counts no longer.
  void renew_places(WatchedDirectory& directory) { directory.renewed = ++last_renewal_; }
  // Together with the directory's number: the place of the inodes in it. Never used again.
  static std::uint64_t renewal_of(const WatchedDirectory& directory);
  // The directory is no longer in a tree, and neither is anything below it. `has_marks`: they have
  // to be removed, see release().
  void forget(WatchedDirectory& directory, bool has_marks = false);
  void forget_tree(std::uint32_t tree, bool has_marks = false);
  // Releases what was forgotten, until this time. Calls `unmark` for directories with marks.
  void release(std::chrono::steady_clock::time_point until,
               const std::function<void(const WatchedDirectory&)>& unmark = {});
  bool has_forgotten() const { return !forgotten_.empty(); }

  // Gives trees new numbers, by their old ones. Trees that are not in the map must have been
  // forgotten before.
  void renumber(const std::map<std::uint32_t, std::uint32_t>& numbers);
  WatchedTree* tree(std::uint32_t number) const;

  // "a/b", or "a/b/NAME"; "" for the root.
  static std::string path_of(const WatchedDirectory& directory, std::string_view name = {});

  // Forgets directories in which no change is waiting.
  void prune();

  std::size_t size() const { return by_number_.size(); }

 private:
  struct Forgotten {
    WatchedDirectory* directory;
    bool has_marks;
  };
  // Finds directories by their identities without a copy of these.
  struct ById {
    using is_transparent = void;
    static const FileId& id(const FileId& id) { return id; }
    static const FileId& id(const WatchedDirectory* directory) { return directory->id; }
    template <typename T>
    std::size_t operator()(const T& each) const {
      return std::hash<FileId>{}(id(each));
    }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return id(a) == id(b);
    }
  };

  static void attach(WatchedDirectory& directory, WatchedDirectory& parent);
  static void detach(WatchedDirectory& directory);
  WatchedTree& home_of(std::uint32_t tree, WatchedDirectory& root);
  void erase(WatchedDirectory& directory);

  std::uint64_t last_number_ = 0;
  std::uint64_t last_renewal_ = 0;
  std::uint64_t last_tree_ = 0;
  std::unordered_map<std::uint32_t, WatchedTree*> trees_;
  std::vector<std::unique_ptr<WatchedTree>> homes_;  // also of directories that are forgotten
  std::unordered_set<WatchedDirectory*, ById, ById> by_id_;
  std::unordered_map<std::uint64_t, std::unique_ptr<WatchedDirectory>> by_number_;
  std::deque<Forgotten> forgotten_;
};

}  // namespace guard
