// How an open is asked: a permission event does not say, the blocked thread does. Reads /proc,
// whose answer is the kernel's memory and waits for no disk. Any thread.
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
  bool creates = false;       // if it is not there
  bool is_exclusive = false;  // only if it is not there: what it opens it has made
  bool is_nameless = false;   // O_TMPFILE
  friend bool operator==(const Intent&, const Intent&) = default;
};

// The flags of open(2).
Intent intent_of(std::uint64_t flags);

// What /proc/TID/syscall says. Nothing: no call that is known to open files, as with io_uring and
// threads of the kernel. `read_memory(address)` gives 8 bytes of the caller's memory: openat2 keeps
// its flags there.
std::optional<Intent> intent_from(
    std::string_view syscall,
    const std::function<std::optional<std::uint64_t>(std::uint64_t)>& read_memory);

// What the thread itself says. It may not sleep yet: on a busy machine it may have to wait for a
// processor first.
struct OpenFlags {
  std::optional<Intent> intent;
  bool not_yet = false;  // to be asked again; neither: it will not be known
};
OpenFlags intent_of_thread(std::int32_t thread, const Fd& syscall);
// /proc/TID/syscall. Of a thread that has ended it tells nothing, whoever has the number by then.
Fd open_syscall_of(std::int32_t thread);

}  // namespace guard
