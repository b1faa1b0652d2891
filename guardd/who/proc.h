// Reads a living process from /proc. Reads it through one descriptor of its directory, which never
// shows another process, and checks at the end that the process is still alive: two processes are
// never mixed. Blocks as long as /proc does. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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

// Parsers of the texts in /proc/PID. Pure.
struct ProcStat {
  char state = '?';
  std::int32_t parent = 0;
  std::uint32_t tty = 0;  // in the encoding of user space
  std::uint64_t start = 0;
};
// "PID (COMM) STATE PPID PGRP SESSION TTY ... STARTTIME ..."
std::optional<ProcStat> parse_stat(std::string_view text);
// Fills in the name and the ids. False: it is not that of the process out.pid, or it has ended.
bool parse_status(std::string_view text, Snapshot& out);
// "0::/path" of the unified hierarchy; or that of systemd's own hierarchy, if there is one.
std::optional<std::string_view> parse_cgroup(std::string_view text);

// The name of a terminal below /dev, such as "pts/3", by its number (major << 20 | minor).
std::string terminal_name(std::uint32_t device, const std::string& sys = "/sys");

}  // namespace guard
