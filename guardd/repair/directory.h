// A directory of a tree, held open for reading while a scan is in it. Knows its path, and can check
// whether it is still there. Never follows a link, crosses a mount or triggers an automount. Any
// thread.
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

namespace guard {

class Directory {
 public:
  // How old a check may be that a directory is in its tree. Long enough for thousands of files,
  // short compared with two moves by a person or a script.
  static constexpr std::chrono::nanoseconds kMoment = std::chrono::milliseconds(10);

  // relative_path is "" for the tree's root.
  static Result<std::shared_ptr<Directory>> open(const Object& root,
                                                 std::string_view relative_path);

  // A directory in this one, by its name. Error codes: ENOTDIR and ELOOP if it is not a directory;
  // ENOENT; EXDEV if it is a mount.
  Result<std::shared_ptr<Directory>> child(const char* name) const;

  // The directory this was found in; null unless it is still the parent.
  std::shared_ptr<Directory> parent(std::string_view path, const InodeId& id) const;

  // Whether it is at its path beneath the root, in the root's mount. The result may be kMoment old:
  // this bounds how long a directory that has been moved out of the tree is taken for part of it.
  bool is_in_place(const Object& root) const;
  // Whether is_in_place() has found that it is not: the walk should leave it.
  bool has_moved() const { return has_moved_.load(std::memory_order_relaxed); }

  // Whether no user but root can put another object at one of its names. The result may be
  // kOwnerMoment old: an automatic fix of the directory and a rename by its new owner would both
  // have to fall into this time.
  static constexpr std::chrono::nanoseconds kOwnerMoment = std::chrono::milliseconds(1);
  bool is_filled_by_root() const;

  // The path of a name in it.
  std::string path_of(std::string_view name) const;

  int descriptor() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  const InodeId& id() const { return id_; }
  const ObjectState& state() const { return state_; }  // as it was when it was opened
  bool is_mount_point() const { return is_mount_point_; }
  std::int64_t changed() const { return changed_; }  // its ctime, in nanoseconds

 private:
  Directory(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  static Result<std::shared_ptr<Directory>> look_at(Fd fd, std::string path);

  Fd fd_;
  std::string path_;
  InodeId id_;
  std::uint64_t mount_ = 0;
  ObjectState state_;
  std::int64_t changed_ = 0;
  bool is_mount_point_ = false;
  mutable std::atomic<std::int64_t> checked_at_{0};  // monotonic nanoseconds
  mutable std::atomic<bool> has_moved_{false};
  mutable std::atomic<std::int64_t> owner_checked_at_{0};
  mutable std::atomic<bool> is_filled_by_root_{false};
};

}  // namespace guard
