// The processes that live and those that ended not long ago, by number and time. Knows what it is
// told: by the tracer, in the order in which it happened, and by whoever reads /proc. Asks nobody
// but for the path of a control group and the identity of an executable, once each.
// Bounded: a live process beyond the bound is not taken in, an ended one makes the oldest go, both
// are counted. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "bpf/tracer.h"
#include "guardd/who/acting_process.h"
#include "guardd/who/control_groups.h"
#include "guardd/who/excuses.h"
#include "guardd/who/executable_ids.h"
#include "guardd/who/snapshot.h"

namespace guard {

// A process takes 0.6 to 0.8 kB as things are, 3.5 kB at the worst: longest command line, path,
// and directory. What was asked for takes as much again.
struct TableLimits {
  std::size_t living = 16384;
  std::size_t ended = 8192;
  std::chrono::nanoseconds age = std::chrono::seconds(60);  // of the ended
};

struct TableCounters {
  std::uint64_t denied = 0;     // lived, but there was no room
  std::uint64_t forgotten = 0;  // ended, and had to go before its time
  std::uint64_t aged = 0;       // ended, and went when its time was over
};

struct ProcessEntry {
  Snapshot now;                      // once it has ended: as it was then
  std::optional<std::uint64_t> end;  // nanoseconds since boot
  std::shared_ptr<const Lineage> lineage;
  bool traced = false;  // the tracer told what it runs, which is better than what it says itself
  std::uint64_t looked_up = 0;  // when /proc was last asked, nanoseconds since boot

  std::shared_ptr<const ActingProcess> found;   // made when first asked for, until it changes
  std::shared_ptr<const Lineage> for_children;  // the same
  std::unique_ptr<ProcessEntry> older;          // had the same number before
};

class ProcessTable : public TracerListener {
 public:
  explicit ProcessTable(TableLimits limits = {}, const std::string& mounts = "/proc/self/mountinfo")
      : limits_(limits), groups_(mounts), executables_(mounts) {}

  void forked(const TracedFork& record) noexcept override;
  void executed(const TracedExec& record) noexcept override;
  void ended(const TracedExit& record) noexcept override;
  void cgroup_made(const TracedCgroup& record) noexcept override;

  // Somebody else than the tracer met a process, and knows its ids.
  void witnessed(const TracedProcess& record);

  // The process that had this number at that time, or had it last before. Null if unknown. Good
  // until the table is told something.
  ProcessEntry* find(std::int32_t pid, std::uint64_t at);
  ProcessEntry* living(std::int32_t pid);

  // /proc says so. Null if there is no room.
  ProcessEntry* seen(Snapshot snapshot, std::uint64_t at);
  void gone(ProcessEntry& entry, std::uint64_t at);

  // It and what it starts from here on.
  Status excuse(ProcessEntry& entry, const std::shared_ptr<const Excuse>& excuse);
  Excuses& excuses() { return excuses_; }
  const Excuses& excuses() const { return excuses_; }

  // Follows the parents in the table.
  std::shared_ptr<const Lineage> lineage_of(ProcessEntry& entry, std::size_t depth = 0);

  std::vector<std::int32_t> all_living() const;
  const TableCounters& counters() const { return counters_; }
  ControlGroups& control_groups() { return groups_; }

 private:
  struct Ended {
    std::int32_t pid;
    std::uint64_t start;
    std::uint64_t end;
  };

  ProcessEntry* match(const TracedProcess& record);
  ProcessEntry* add(Snapshot snapshot);
  void born(ProcessEntry& entry, const TracedProcess& record);
  void update(ProcessEntry& entry, const TracedProcess& record);
  std::shared_ptr<const Lineage> below(ProcessEntry& parent, std::size_t depth);
  void inherit_excuse(ProcessEntry& entry, const ProcessEntry& parent);
  void forget_old(std::uint64_t now);
  void forget(const Ended& which);

  TableLimits limits_;
  ControlGroups groups_;
  ExecutableIds executables_;
  std::unordered_map<std::int32_t, std::unique_ptr<ProcessEntry>> newest_;
  std::deque<Ended> ended_;  // oldest first
  std::size_t living_ = 0;
  Excuses excuses_;
  TableCounters counters_;
};

}  // namespace guard
