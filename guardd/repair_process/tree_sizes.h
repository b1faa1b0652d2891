// How many objects the last complete scan of each tree found, to show the progress of the next one.
// Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace guard {

class TreeSizes {
 public:
  void note(const std::string& tree, std::uint64_t objects) {
    const std::lock_guard lock(mutex_);
    objects_[tree] = objects;
  }

  // 0: unknown.
  std::uint64_t of(const std::string& tree) const {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(tree);
    return found == objects_.end() ? 0 : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> objects_;  // by the tree's path in its policy
};

}  // namespace guard
