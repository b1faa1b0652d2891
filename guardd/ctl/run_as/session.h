// The process that watches a command in a new session with its own terminal. It is the parent of
// the command and stays in the session: otherwise Ctrl-Z could not stop the command. It receives
// messages as signals with a value.
#pragma once

#include <termios.h>

#include <functional>

#include "policy/base/handle.h"

namespace guard::ctl {

// Messages to the watching process: these flags, and the number of a signal to forward.
enum : int { kSignalMask = 0xff, kForeground = 0x100, kBackground = 0x200 };

struct Session {
  Fd own;                   // the terminal of the session
  Fd reports;               // receives the wait(2) status whenever the command stops or ends
  bool foreground = false;  // may the command read from the terminal at once?

  // Restored if the process that reads the reports is killed.
  int real = -1;
  termios before{};
};

// Runs in the watching process, and ends it.
[[noreturn]] void watch_command(Session session, const std::function<int()>& command);

}  // namespace guard::ctl
