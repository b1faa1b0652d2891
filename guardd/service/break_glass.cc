#include "guardd/service/break_glass.h"

#include <unistd.h>

#include <fstream>

namespace guard {

// Fails safe: a file or command line that cannot be read does not disable guardd.
std::optional<std::string> why_disabled() {
  if (::access(kDisableFile, F_OK) == 0)
    return std::string(kDisableFile) + " exists; remove it to let guardd enforce again";
  std::ifstream line("/proc/cmdline");
  for (std::string word; line >> word;)
    if (word == "guardd=off") return "the kernel was started with guardd=off";
  return std::nullopt;
}

}  // namespace guard
