// The living processes and those that ended recently, by number and time. Filled by the tracer, in
// the order of events, by the LSM, and from /proc. Only looks up the path of a control group, once.
// Bounded: a new process beyond the bound is ignored, an ended one evicts the oldest, and both are
// counted. One thread.
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
#include "guardd/who/proc.h"
#include "guardd/who/snapshot.h"

namespace guard {

// A process usually takes 0.6 to 0.8 kB, and up to 3.5 kB with the longest command line, path and
// directory. Once it was looked up, it takes twice as much.
struct TableLimits {
  std::size_t living = 16384;
  std::size_t ended = 8192;
  std::chrono::nanoseconds age = std::chrono::seconds(60);  // of the ended
};

struct TableCounters {
  std::uint64_t rejected = 0;   // living processes that did not fit
  std::uint64_t forgotten = 0;  // ended processes that were evicted early
  std::uint64_t aged = 0;       // ended processes that were dropped by age
};

struct ProcessEntry {
  Snapshot now;                      // or at the end of the process
  std::optional<std::uint64_t> end;  // nanoseconds since boot
  std::shared_ptr<const Lineage> lineage;
  bool traced = false;          // `image` is from the tracer; /proc is less reliable
  std::uint64_t looked_up = 0;  // when it was last read from /proc, nanoseconds since boot
  bool needs_facts = false;     // its ids were read, and a helper is still to read the rest

  std::shared_ptr<const ActingProcess> acting;  // made at the first look-up, until a change
  std::shared_ptr<const Lineage> for_children;  // the same
  std::unique_ptr<ProcessEntry> older;          // the previous process with this number
};

class ProcessTable : public TracerListener {
 public:
  explicit ProcessTable(TableLimits limits = {}, const std::string& mounts = "/proc/self/mountinfo")
      : limits_(limits), groups_(mounts) {}

  void on_fork(const TracedFork& record) noexcept override;
  void on_exec(const TracedExec& record) noexcept override;
  void on_exit(const TracedExit& record) noexcept override;
  void on_cgroup(const TracedCgroup& record) noexcept override;

  // The LSM saw the process act with these ids.
  void update_from_lsm(const TracedProcess& record);

  // The process that had this number at that time, or the last one before. Null: unknown. Valid
  // until the table changes.
  ProcessEntry* find(std::int32_t pid, std::uint64_t at);
  ProcessEntry* find_living(std::int32_t pid);

  // Null: it does not fit.
  ProcessEntry* update_from_proc(Snapshot snapshot, std::uint64_t at);
  // What was read of this very process. What the tracer knows is more reliable.
  void add_facts(ProcessEntry& entry, const ProcessFacts& facts);
  ProcessEntry* find_started(std::int32_t pid, std::uint64_t start);  // null: unknown
  void mark_ended(ProcessEntry& entry, std::uint64_t at);

  // Excuses the process and the children that it starts from now on.
  Status excuse(ProcessEntry& entry, const std::shared_ptr<const Excuse>& excuse);
  Excuses& excuses() { return excuses_; }
  const Excuses& excuses() const { return excuses_; }

  // From now on, this executable has the identity that stat() shows.
  void add_executable(InodeId kernel_id, InodeId stat_id);
  std::shared_ptr<const Image> with_stat_id(std::shared_ptr<const Image> image) const;

  // The ancestors, according to the table.
  std::shared_ptr<const Lineage> lineage_of(ProcessEntry& entry, std::size_t depth = 0);

  std::vector<std::int32_t> living() const;
  const TableCounters& counters() const { return counters_; }
  ControlGroups& control_groups() { return groups_; }

 private:
  struct EndedProcess {
    std::int32_t pid;
    std::uint64_t start;
    std::uint64_t end;
  };

  ProcessEntry* match(const TracedProcess& record);
  ProcessEntry* add(Snapshot snapshot);
  void set_parent(ProcessEntry& entry, const TracedProcess& record);
  void update_ids(ProcessEntry& entry, const TracedProcess& record);
  std::shared_ptr<const Lineage> lineage_below(ProcessEntry& parent, std::size_t depth);
  void inherit_excuse(ProcessEntry& entry, const ProcessEntry& parent);
  void forget_old(std::uint64_t now);
  void forget(const EndedProcess& which);

  TableLimits limits_;
  ControlGroups groups_;
  static constexpr std::size_t kMostExecutables = 4096;
  std::unordered_map<InodeId, InodeId> executables_;  // from the identity in the kernel
  std::unordered_map<std::int32_t, std::unique_ptr<ProcessEntry>> newest_;
  std::deque<EndedProcess> ended_;  // oldest first
  std::size_t living_count_ = 0;
  Excuses excuses_;
  TableCounters counters_;
};

}  // namespace guard
