// Reads a living process from /proc. Reads it through one descriptor of its directory, which never
// shows another process, and checks at the end that the process is still alive: two processes are
// never mixed. What another user can delay is read by read_facts() alone, in a helper process: its
// memory (cmdline, environ), which needs a lock that the process can hold for ever; its executable,
// which can be on a file system that does not answer; and its control group, which needs a lock
// that waits for such memory. The kernel has the rest in its own memory. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/who/snapshot.h"
#include "policy/base/handle.h"

namespace guard {

// From /proc/PID/stat.
struct ProcStat {
  char state = '?';
  std::int32_t parent = 0;
  std::uint32_t tty = 0;  // in the encoding of user space
  std::uint64_t start = 0;
};

// From /proc/PID/status.
struct StatusIds {
  std::optional<std::int32_t> group;  // the process of this thread
  std::optional<Uid> uid;
  std::optional<Uid> euid;
  std::optional<Uid> fsuid;
  std::optional<Gid> egid;
  std::optional<Gid> fsgid;
};

// What a helper process has to read.
struct ProcessFacts {
  std::string comm;                    // at that moment
  std::shared_ptr<const Image> image;  // null: unknown, or not wanted
  std::optional<std::string> cwd;
  std::optional<std::string> cgroup;  // its path
};

class Proc {
 public:
  explicit Proc(std::string root = "/proc") : root_(std::move(root)) {}

  // Without image, control group and directory. None: there is no such process, it ended meanwhile,
  // or the number is that of a thread.
  std::optional<Snapshot> read_ids(std::int32_t pid) const;
  // None: it is not the process that started then.
  std::optional<ProcessFacts> read_facts(std::int32_t pid, std::uint64_t start,
                                         bool wants_image) const;
  std::string read_environment(std::int32_t pid, std::uint64_t start) const;  // empty: the same

  // When it started. None: there is no such process, or it is a zombie.
  std::optional<std::uint64_t> start_of(std::int32_t pid) const;

  // Its controlling terminal, as in Snapshot. None: the process has ended.
  std::optional<std::uint32_t> terminal_of(std::int32_t pid, std::uint64_t start) const;

  std::vector<std::int32_t> pids() const;

 private:
  Fd open(std::int32_t pid) const;
  std::optional<ProcStat> stat_of_living(std::int32_t pid) const;

  std::string root_;
};

// Parsers of the texts in /proc/PID. Pure.
// "PID (COMM) STATE PPID PGRP SESSION TTY ... STARTTIME ..."
std::optional<ProcStat> parse_stat(std::string_view text);
// The ids of /proc/PID/status. None: not there, or invalid. The kernel escapes the name, so a
// process cannot add lines of its own.
StatusIds ids_in(std::string_view status);
// Fills in the name and the ids. False: it is not that of the process out.pid, or it has ended.
bool parse_status(std::string_view text, Snapshot& out);
// "0::/path" of the unified hierarchy; or that of systemd's own hierarchy, if there is one.
std::optional<std::string_view> parse_cgroup(std::string_view text);

// The name of a terminal below /dev, such as "pts/3", by its number (major << 20 | minor).
std::string terminal_name(std::uint32_t device, const std::string& sys = "/sys");

}  // namespace guard
