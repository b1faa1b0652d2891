// Finds out what fanotify can do on this machine, by creating groups. Marks nothing.
#pragma once

#include <string>

namespace guard {

struct FanotifySupport {
  bool notices = false;     // creations, renames and changes by name: enough for log and fix
  bool permission = false;  // an open can be held until it is answered: needed for deny
  std::string reason;       // one sentence about what is missing, or empty
};

FanotifySupport probe_fanotify();

}  // namespace guard
