// The directories that are watched: which tree each is in, and by what names it is reached. Names
// are a guess of ours that renames keep true; whoever acts on one checks it against the file system
// first. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "guardd/file_id.h"

namespace guard {

struct Directory {
  std::uint64_t number = 0;  // never given out again, unlike an address
  std::uint32_t tree = 0;
  Directory* parent = nullptr;  // null: the root of a tree
  std::string name;             // in its parent; empty for a root
  FileId id;
  std::vector<Directory*> children;

  // For settling: how many changes below wait to be judged, and when something last happened below.
  std::uint32_t waiting_below = 0;
  std::chrono::steady_clock::time_point last_activity;
};

class Directories {
 public:
  Directory& add(const FileId& id, std::uint32_t tree, Directory* parent, std::string name);

  Directory* find(const FileId& id) const;
  Directory* find(std::uint64_t number) const;
  static Directory* find_child(const Directory& parent, std::string_view name);

  // It is somewhere else now, with all that is below.
  static void move(Directory& directory, Directory& parent, std::string name);
  // It is not in a tree any more, nor is what is below.
  void forget(Directory& directory);
  void forget_tree(std::uint32_t tree);

  // "a/b", or "a/b/NAME"; "" for the root.
  static std::string path_of(const Directory& directory, std::string_view name = {});

  std::size_t size() const { return by_number_.size(); }

 private:
  static void detach(Directory& directory);

  std::uint64_t last_number_ = 0;
  std::unordered_map<FileId, Directory*> by_id_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Directory>> by_number_;
};

}  // namespace guard
