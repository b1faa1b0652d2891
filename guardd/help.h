// What guardd --help prints. At most 80 columns, checked by a test.
#pragma once

#include <string_view>

namespace guard {

inline constexpr std::string_view kHelp = R"(guardd: keeps services the owners of their files

Usage: guardd [OPTION...]
       guardd --check [--policy-dir DIR]...

Options:
      --policy-dir DIR  Read policies from DIR, not the standard directories;
                        may be given several times, earlier ones win
      --log HOW         console (default: for people) or json (an object a line)
      --backend WHICH   auto or fanotify; this version has no other
      --check           Validate the policies and end: 0 valid, 1 invalid
  -h, --help            This help
      --version         The version

Runs in the foreground until SIGTERM; SIGHUP reloads the policies. This version
logs and puts right; what is to be denied is put right.
)";

}  // namespace guard
