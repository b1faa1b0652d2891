// Objects inside a tree, found and held by descriptor. guardd acts as root in directories that
// other users control, so it opens objects only here, and never uses a path twice. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "policy/base/handle.h"
#include "policy/base/result.h"
#include "policy/change.h"
#include "policy/lookup.h"

struct statx;

namespace guard {

// What the kernel says about an inode. Needs STATX_TYPE, _MODE, _UID, _GID and _NLINK, and
// STATX_INO.
ObjectState state_of(const struct statx& facts);
InodeId inode_of(const struct statx& facts);

// A descriptor, with the state of its inode. O_PATH, unless it is readable.
struct Object {
  Fd fd;
  bool is_readable = false;
  InodeId id;
  std::uint64_t mount = 0;  // the mount it was found in
  ObjectState state;
  std::int64_t changed = 0;  // its ctime, in nanoseconds
  bool is_mount_point = false;
  bool is_immutable = false;  // or append-only: the kernel rejects every change
};

// Opens the root of a tree. A symbolic link in the path is an error, and so is anything but a
// directory.
Result<Object> open_tree(const std::string& path);

// Opens the object at a path relative to a tree's root: beneath it, through no symbolic link,
// across no mount. If the last name is a link, the link itself is the object. Paths may have any
// length. Error codes: ENOENT; ENOTDIR; EXDEV if a mount is in the way; ELOOP if a link is.
Result<Object> open_object(const Object& root, std::string_view relative_path);

// The same for one name in an open directory. The caller makes sure that the directory is beneath
// the root, and checks this again from time to time. A directory that is moved away in between
// contains only what was beneath the root a moment ago; links and mounts are still never followed.
Result<Object> open_entry(const Object& root, int directory, const char* name);

// The same for a regular file, and opens it for reading. To open anything else can have effects, so
// only for a name that the directory lists as a regular file, in a directory where no user but root
// can put another object at that name. Error code EISDIR: it is not a regular file.
Result<Object> open_file(const Object& root, int directory, const char* name);

// Reads the state of an object again.
Status refresh(Object& object);

// Change the inode itself, whatever its name is by now; a link has no mode to change. `object` is
// not updated. Return 0 or errno.
int change_owner(const Object& object, Uid uid, Gid gid);
int change_mode(const Object& object, Mode mode);

}  // namespace guard
