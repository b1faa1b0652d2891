// A session with a terminal of its own, and the process in it that watches over a command.
//
// The one that watches is the command's parent and stays in its session: without it no command
// could be stopped from its terminal. It does what it is told by signals with a value.
#pragma once

#include <termios.h>

#include <functional>

#include "policy/base/handle.h"

namespace guard::ctl {

// What the watching process is told, beside the numbers of signals to pass on.
enum : int { kSignalMask = 0xff, kForeground = 0x100, kBackground = 0x200 };

struct Session {
  Fd own;      // the terminal of the session, as its processes have it
  Fd reports;  // here it writes what wait(2) says of the command: once it has stopped, or ended
  bool foreground = false;  // may the command read from the terminal at once?

  // If whoever reads the reports is killed, the real terminal is left as it was.
  int real = -1;
  termios before{};
};

// Runs in the process that is to watch, and ends it.
[[noreturn]] void watch_command(Session session, const std::function<int()>& command);

}  // namespace guard::ctl
