// The terminal that somebody works at, opened for one line to that person. Opens nothing but what
// the person owns, lets others write to (mesg y), and still works at; never waits for a terminal,
// but may for /proc. Any thread.
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

  // The terminal of the first of these processes that proves it is the person's: it still lives,
  // has that terminal as its controlling one, and has the very same device open as its input,
  // output or error. A terminal's number alone proves nothing: each container counts its own from
  // 0, and a number comes again. What is opened here therefore is never a container's, nor that of
  // whoever was given the number afterwards. Where sudo has put the command on a terminal of its
  // own, which is root's, that of the shell above it is found.
  Fd open(Uid person, const std::vector<ProcessName>& processes) const;

 private:
  Fd open_of(Uid person, const ProcessName& process) const;
  bool is_open_in(const ProcessName& process, const Fd& terminal) const;

  Places places_;
};

// The group tty, which is always one of the machine's own: directory services are not asked.
std::optional<Gid> terminal_group(const std::string& groups = "/etc/group");

// From here on the calling thread, and no other, may do what open() needs and not much more. The
// group is the one of terminals: with it and without the right to write anywhere, it is the kernel
// too that refuses the terminals of those who want no messages.
void serve_terminals_only(std::optional<Gid> group);

}  // namespace guard
