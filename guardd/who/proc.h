// Reads a living process from /proc. Reads it through one descriptor of its directory, which never
// shows another process, and checks at the end that the process is still alive: two processes are
// never mixed. Blocks as long as /proc does. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guardd/who/control_groups.h"
#include "guardd/who/snapshot.h"

namespace guard {

class Proc {
 public:
  explicit Proc(std::string root = "/proc") : root_(std::move(root)) {}

  // None: there is no such process, it ended meanwhile, or the number is that of a thread.
  std::optional<Snapshot> read(std::int32_t pid, ControlGroups& groups) const;

  // When it started. None: there is no such process, or it is a zombie.
  std::optional<std::uint64_t> start_of(std::int32_t pid) const;

  // Its controlling terminal, as in Snapshot. None: the process has ended.
  std::optional<std::uint32_t> terminal_of(std::int32_t pid, std::uint64_t start) const;

  std::vector<std::int32_t> pids() const;

 private:
  std::string root_;
};

// The name of a terminal below /dev, such as "pts/3", by its number (major << 20 | minor).
std::string terminal_name(std::uint32_t device, const std::string& sys = "/sys");

}  // namespace guard
