// What /proc says of a process that lives. Reads one process through one descriptor of its
// directory, which the kernel never lets show another, and compares its start before and after: two
// processes are never mixed. Blocks for as long as /proc does. Any thread.
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

  // Nothing if there is no such process, it ended meanwhile, or the number is a thread's.
  std::optional<Snapshot> read(std::int32_t pid, ControlGroups& groups) const;

  // When it started, if there is such a process and it is no zombie.
  std::optional<std::uint64_t> start_of(std::int32_t pid) const;

  // Its controlling terminal, as in Snapshot, if the process that started then still lives.
  std::optional<std::uint32_t> terminal_of(std::int32_t pid, std::uint64_t start) const;

  std::vector<std::int32_t> all() const;

 private:
  std::string root_;
};

// "pts/3", "tty1": the name below /dev of a terminal by its number (major << 20 | minor).
std::string terminal_name(std::uint32_t device, const std::string& sys = "/sys");

}  // namespace guard
