// What guardd --help prints. At most 80 columns, checked by a test.
#pragma once

#include <string_view>

namespace guard {

inline constexpr std::string_view kHelp = R"(guardd: keeps services the owners of their files

Usage: guardd [OPTION...]
       guardd --check [--config FILE] [--policy-dir DIR]...

Options:
      --config FILE     Settings; /etc/guardd/guardd.toml if it is there
      --policy-dir DIR  Read policies from DIR, not the standard directories;
                        may be given several times, earlier ones win
      --state-dir DIR   What must survive a crash is kept in DIR, not in
                        /var/lib/guardd
      --backend WHICH   auto, lsm or fanotify: how the kernel is asked (auto)
      --bus WHICH       system (the default), none, or the ADDRESS of a bus
      --log HOW         journal (default where it reads standard output),
                        console (default elsewhere: for people) or json (an
                        object a line)
      --check           Validate settings and policies and end: 0 valid, 1 not
  -h, --help            This help
      --version         The version

Runs in the foreground until SIGTERM; SIGHUP reloads settings and policies. With
fanotify this version puts right what is to be denied. The file
/run/guardd/disable, or guardd=off on the kernel command line, keeps it from
enforcing anything.
)";

}  // namespace guard
