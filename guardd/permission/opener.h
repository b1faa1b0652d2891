// Who asks, and how: the one whose thread waits, as far as most answers need it. Read anew for
// every open, since ids can change between two. One thread.
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
  Uid uid;                   // fsuid and fsgid: those that new files get
  Gid gid;
};

// From the text of /proc/TID/status.
std::optional<Opener> asker_from(std::string_view status);

// Keeps hold of the threads that asked last, so that one who asks again is known by one call. The
// kernel says who it is now each time; what is held of a thread that has ended is of no use to
// another that gets its number.
class OpenerTable {
 public:
  // Nothing: it is gone, or of another namespace.
  std::optional<Opener> find(std::int32_t thread);
  // How it opens what it waits for.
  OpenFlags intent(std::int32_t thread);

 private:
  struct Held {
    std::int32_t thread = 0;
    Fd descriptor;
    Fd syscall;
  };
  static constexpr std::size_t kMost = 256;  // by their numbers: who comes later takes the place

  Held& held(std::int32_t thread) { return held_.at(static_cast<std::size_t>(thread) % kMost); }
  std::optional<Opener> ask(std::int32_t thread);

  std::array<Held, kMost> held_;
  bool is_unknown_ = false;  // to this kernel: then /proc says it
};

}  // namespace guard
