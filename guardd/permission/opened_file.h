// The file that an open waits for: its state, and its place in the policy's tree. Reads only what
// the kernel has in memory, so it never waits for a file system. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "policy/base/ids.h"
#include "policy/change.h"
#include "policy/record/record.h"

namespace guard {

class PermissionEvent;

// The state at this moment. Times are in nanoseconds.
struct OpenedFile {
  InodeId id;
  ObjectState state;
  std::uint64_t mount = 0;  // 0: unknown
  std::uint64_t size = 0;
  std::optional<std::int64_t> born;  // nothing: the file system does not record it
  std::int64_t changed = 0;
  std::int64_t modified = 0;
  std::int64_t now = 0;
};

struct OpenedPlace {
  std::uint32_t tree = 0;  // in the set of the event's group
  bool is_known = false;   // false: the opener reached the file in a mount namespace of its own
  bool has_left = false;   // the file is in none of the policy's trees any longer
  std::string path;        // relative to the tree if the place is known, else as the opener sees it
};

std::optional<OpenedFile> read_opened_file(int file);
Ownership ownership_of(const ObjectState& state);
OpenedPlace place_of(const PermissionEvent& event, const OpenedFile& opened);

}  // namespace guard
