// Who asks: the one whose thread waits, as far as most answers need it. Read anew for every open,
// since ids can change between two. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "policy/base/ids.h"

namespace guard {

struct Asker {
  std::int32_t process = 0;  // the thread group
  Uid uid;                   // fsuid and fsgid: those that new files get
  Gid gid;
};

// From the text of /proc/TID/status.
std::optional<Asker> asker_from(std::string_view status);
// Nothing: it is gone, or of another namespace.
std::optional<Asker> asker_of_thread(std::int32_t thread);

}  // namespace guard
