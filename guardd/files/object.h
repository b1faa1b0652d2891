// Objects inside a tree, found and held by descriptor. guardd is root in directories that others
// control: here is the one way in. Nothing below looks at a path twice. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "policy/base/handle.h"
#include "policy/base/result.h"
#include "policy/change.h"
#include "policy/lookup.h"

namespace guard {

// A descriptor that names an inode and nothing else (O_PATH), with what stat says of it.
struct Object {
  Fd fd;
  InodeId id;
  std::uint64_t mount = 0;  // which mount it was met in
  ObjectState state;
  std::int64_t changed = 0;  // its ctime, in nanoseconds
  bool is_mount_point = false;
  bool is_immutable = false;  // or append-only: the kernel refuses every change
};

// The root of a tree. A link on the way to it is an error, and so is a root that is none.
Result<Object> open_tree(const std::string& path);

// The object at a path relative to a tree's root: beneath it, through no symbolic link, across no
// mount. The last name may be a link, which is then the object. Paths and names of any length and
// content. Error codes: ENOENT it is gone; EXDEV a mount stands in the way; ELOOP a link does;
// ENOTDIR.
Result<Object> open_object(const Object& root, std::string_view relative_path);

// The same for one name in a directory that is held open. The caller knows that this directory lies
// beneath the root: when it was opened it did, and the caller asks again from time to time. A
// directory that is moved away in between takes along only what stood beneath the root a moment
// ago, as it can between any look and any act; what it holds is still the one thing that the name
// means in it, never what a link or a mount puts there.
Result<Object> open_entry(const Object& root, int directory, const char* name);

// Reads the state of an object anew.
Status refresh(Object& object);

// Of what is held, whatever its name is by now; of a link itself, which has no mode to change. What
// is said of the object stays as it was. 0, or the error's number.
int change_owner(const Object& object, Uid uid, Gid gid);
int change_mode(const Object& object, Mode mode);

}  // namespace guard
