// One event of a fanotify group, as the kernel wrote it into the buffer. Parsing only. Any thread.
#pragma once

#include <sys/fanotify.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "guardd/files/file_id.h"
#include "guardd/sources/notices.h"
#include "policy/base/handle.h"

// In Linux 5.17, but not in the headers of Debian 12's libc.
#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif

namespace guard {

struct FanotifyEvent {
  std::uint64_t mask = 0;
  std::int32_t pid = 0;
  FileId parent;          // of a rename: where it leads, if that is watched
  std::string_view name;  // in the buffer
  FileId old_parent;      // of a rename: where it came from, if that is watched
  std::string_view old_name;
  FileId object;
  bool is_gone = false;
  Fd process;

  // The records behind the fixed part, which starts at `begin`: the parent with the name, and the
  // object itself if the kernel reports it. They have the file system id of the watched directory:
  // `subvolume` is the one that this id is of.
  static FanotifyEvent parse(const fanotify_event_metadata& data, const char* begin,
                             std::optional<std::uint64_t> subvolume = std::nullopt);

  PidCheck pid_check() const { return {is_gone, process.get()}; }
};

}  // namespace guard
