// The flags of a waiting open. A permission event does not carry them, so they are read from the
// blocked thread's system call in /proc. The kernel keeps that in its own memory. The flags of
// openat2 lie in the opener's memory, which can be a page that never comes: a helper reads them.
// Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "policy/base/handle.h"

namespace guard {

struct Intent {
  bool reads = false;
  bool writes = false;
  bool truncates = false;
  bool creates = false;       // unless the file exists
  bool is_exclusive = false;  // fails if the file exists: what it opens is new
  bool is_nameless = false;   // O_TMPFILE
  bool can_change = false;    // read from the opener's memory, where another thread can change it
  friend bool operator==(const Intent&, const Intent&) = default;
};

// The flags of open(2).
Intent intent_of(std::uint64_t flags);

// The flags of openat2, as they were in the opener's memory.
Intent intent_in_memory(std::uint64_t flags);

// What a system call says of its open. Neither: it is not known to open files, as with io_uring and
// kernel threads.
struct OpenCall {
  std::optional<Intent> intent;
  std::optional<std::uint64_t> flags_at;  // where the flags are in the caller's memory
  friend bool operator==(const OpenCall&, const OpenCall&) = default;
};

// From the text of /proc/TID/syscall.
OpenCall open_call_from(std::string_view syscall);

struct ThreadCall {
  OpenCall call;
  bool is_pending = false;  // the thread does not sleep yet: read again
};
ThreadCall open_call_of_thread(const Fd& syscall);
// /proc/TID/syscall. Stays that thread's, even if another thread gets its number.
Fd open_syscall_of(std::int32_t thread);

}  // namespace guard
