// The process whose open waits: the ids that most answers need, and the open's flags. Read again
// for every open, because ids can change in between. One thread: the reader's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "guardd/permission/open_flags.h"
#include "policy/base/handle.h"
#include "policy/base/ids.h"

namespace guard {

struct Opener {
  std::int32_t process = 0;  // the thread group
  Uid uid;                   // fsuid and fsgid: new files get them
  Gid gid;
};

// From the text of /proc/TID/status.
std::optional<Opener> opener_from(std::string_view status);

// Holds descriptors of the most recent threads, so that a thread that opens again takes one call.
// The ids are always current, and a descriptor of a thread that has ended never works for another
// thread with the same number.
class OpenerTable {
 public:
  // Nothing: it has ended, or is in another pid namespace.
  std::optional<Opener> find(std::int32_t thread);
  // The call that it waits in.
  ThreadCall call(std::int32_t thread);

 private:
  struct Entry {
    std::int32_t thread = 0;
    Fd descriptor;
    Fd syscall;
  };
  static constexpr std::size_t kMost = 256;  // by thread number: a later thread replaces another

  Entry& entry(std::int32_t thread) {
    return entries_.at(static_cast<std::size_t>(thread) % kMost);
  }
  std::optional<Opener> find_held(std::int32_t thread);

  std::array<Entry, kMost> entries_;
  bool is_unsupported_ = false;  // by this kernel: /proc is read instead
};

}  // namespace guard
