// Finds the terminal of a user and opens it to write one line. Opens only a terminal that the user
// owns, that accepts messages (mesg y), and that the user's process still uses. Never waits for a
// terminal, but can wait for /proc. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy/base/handle.h"
#include "policy/base/ids.h"

namespace guard {

struct ProcessName {
  std::int32_t pid = 0;
  std::uint64_t start = 0;  // as in Actor
};

class OwnTerminal {
 public:
  struct Places {
    std::string devices = "/dev";
    std::string processes = "/proc";
    std::string system = "/sys";
  };

  explicit OwnTerminal(Places places = {"/dev", "/proc", "/sys"}) : places_(std::move(places)) {}

  // The terminal of the first of these processes that proves to be the user's: the process is
  // alive, the terminal is its controlling one, and the same device is its input, output or error.
  // The number of a terminal proves nothing, because containers count their own from 0 and numbers
  // are reused. So this never opens a terminal in a container, or one that another user got later.
  // If sudo runs the command on a terminal that belongs to root, that of the shell above is used.
  Fd open(Uid person, const std::vector<ProcessName>& processes) const;

 private:
  Fd open_of(Uid person, const ProcessName& process) const;
  bool is_open_in(const ProcessName& process, const Fd& terminal) const;

  Places places_;
};

// The group tty, from the local file: never asks a directory service.
std::optional<Gid> terminal_group(const std::string& groups = "/etc/group");

// Drops all rights of the calling thread, and of no other, that open() does not need. `group` is
// that of terminals: with this group and without the capability to write everywhere, the kernel
// denies terminals that do not accept messages, too.
void serve_terminals_only(std::optional<Gid> group);

}  // namespace guard
