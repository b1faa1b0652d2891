// A directory of a tree, held open for reading while a scan is in it. Knows where it was found, and
// can ask whether it is still there. Never follows a link, crosses a mount or starts an automount.
// Any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "guardd/files/object.h"
#include "policy/base/handle.h"
#include "policy/base/ids.h"
#include "policy/base/result.h"
#include "policy/change.h"

struct statx_timestamp;

namespace guard {

std::chrono::nanoseconds since_epoch(const statx_timestamp& time);

class Directory {
 public:
  // Where the walk begins: relative_path is "" for the tree's own root.
  static Result<std::shared_ptr<Directory>> open(const Object& root,
                                                 std::string_view relative_path);

  // A directory that stands in this one, by its name. Error codes: ENOTDIR and ELOOP it is none;
  // ENOENT it is gone; EXDEV it is a mount.
  Result<std::shared_ptr<Directory>> child(const char* name) const;

  // The one this was found in, if it is still the same, and still the one this lies in; null if
  // not.
  std::shared_ptr<Directory> parent(std::string_view path, const InodeId& id) const;

  // Whether it lies at its path beneath the root, in the root's mount: known from at most a moment
  // ago. What is done by descriptor does not notice that somebody has moved the directory out of
  // the tree meanwhile; this does. The moment is what is left of the race that every walk from the
  // root has as well between its last step and the act.
  bool still_there(const Object& root) const;
  // It was asked, and it was not: whoever is in it should leave.
  bool is_lost() const { return is_lost_.load(std::memory_order_relaxed); }

  // What stands at a path in it.
  std::string path_of(std::string_view name) const;

  int descriptor() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  const InodeId& id() const { return id_; }
  const ObjectState& state() const { return state_; }  // as it was when it was opened
  bool is_mount_point() const { return is_mount_point_; }
  std::chrono::nanoseconds changed() const { return changed_; }  // its ctime

 private:
  Directory(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  static Result<std::shared_ptr<Directory>> look_at(Fd fd, std::string path);

  Fd fd_;
  std::string path_;
  InodeId id_;
  std::uint64_t mount_ = 0;
  ObjectState state_;
  std::chrono::nanoseconds changed_{};
  bool is_mount_point_ = false;
  mutable std::atomic<std::int64_t> seen_at_{0};  // monotonic nanoseconds
  mutable std::atomic<bool> is_lost_{false};
};

}  // namespace guard
