// The text of guardd --help. At most 80 columns, as a test checks.
#pragma once

#include <string_view>

namespace guard {

inline constexpr std::string_view kHelp = R"(guardd: keeps services the owners of their files

Usage: guardd [OPTION...]
       guardd --check [--config FILE] [--policy-dir DIR]...

Options:
      --config FILE     Read settings from FILE (default:
                        /etc/guardd/guardd.toml, if it exists)
      --policy-dir DIR  Read policies from DIR instead of the standard
                        directories; may be repeated, earlier ones win
      --state-dir DIR   Keep state and audit trail in DIR (default:
                        /var/lib/guardd)
      --backend WHICH   auto, lsm or fanotify: the kernel interface to use
                        (default: auto)
      --bus WHICH       system, none, or the ADDRESS of a bus (default: system)
      --log HOW         journal, console (for people) or json (one object per
                        line); default: journal if it reads standard output,
                        otherwise console
      --check           Check settings and policies, then exit: 0 valid, 1 not
  -h, --help            Show this help
      --version         Show the version

Runs in the foreground until SIGTERM. SIGHUP reloads settings and policies. The
lsm backend can deny any operation; fanotify can deny only opens, and fixes the
rest. The file /run/guardd/disable, or guardd=off on the kernel command line,
keeps guardd from enforcing anything.
)";

}  // namespace guard
