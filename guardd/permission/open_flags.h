// The flags of a waiting open. A permission event does not carry them, so they are read from the
// blocked thread's system call in /proc, which waits for no disk. Any thread.
#pragma once

#include <cstdint>
#include <functional>
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

// From the text of /proc/TID/syscall. Nothing: no call known to open files, as with io_uring and
// kernel threads. `read_memory(address)` returns 8 bytes of the caller's memory, where openat2
// keeps its flags.
std::optional<Intent> intent_from(
    std::string_view syscall,
    const std::function<std::optional<std::uint64_t>(std::uint64_t)>& read_memory);

struct ThreadIntent {
  std::optional<Intent> intent;
  bool is_pending = false;  // the thread does not sleep yet: read again. Neither: never known
};
ThreadIntent intent_of_thread(std::int32_t thread, const Fd& syscall);
// /proc/TID/syscall. Stays that thread's, even if another thread gets its number.
Fd open_syscall_of(std::int32_t thread);

}  // namespace guard
