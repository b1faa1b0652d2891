// What fanotify can do on this machine, found out by asking for it; nothing is marked.
#pragma once

#include <string>

namespace guard {

struct FanotifySupport {
  bool notices = false;     // creations, renames and changes by name: enough for log and fix
  bool permission = false;  // an open can be held until it is answered: needed for deny
  std::string reason;       // one sentence about what is missing; empty if nothing is
};

FanotifySupport probe_fanotify();

}  // namespace guard
