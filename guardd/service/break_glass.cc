#include "guardd/service/break_glass.h"

#include <unistd.h>

#include <fstream>

namespace guard {

// What cannot be read does not disable: nobody could have meant it.
std::optional<std::string> why_disabled() {
  if (::access(kDisableFile, F_OK) == 0)
    return std::string(kDisableFile) + " is there; remove it, and guardd enforces again";
  std::ifstream line("/proc/cmdline");
  for (std::string word; line >> word;)
    if (word == "guardd=off") return "the kernel was started with guardd=off";
  return std::nullopt;
}

}  // namespace guard
