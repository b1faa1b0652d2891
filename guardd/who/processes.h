// Who a process number was: the table, the tracer that feeds it and /proc, which fills in for what
// still lives. Belongs to the daemon's loop: one thread. find() reads memory and at most /proc; it
// never waits for a process, a user database or a disk.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "bpf/tracer.h"
#include "guardd/who/acting_process.h"
#include "guardd/who/proc.h"
#include "guardd/who/process_table.h"
#include "policy/base/result.h"

namespace guard {

std::uint64_t boot_time_now();  // nanoseconds since boot, suspend included

struct ProcessesOptions {
  bool tracer = true;
  TableLimits limits;
  std::string proc = "/proc";
};

class Processes {
 public:
  // Knows all that lives when it returns. A tracer that cannot be loaded is no error: see
  // tracer_error().
  explicit Processes(const ProcessesOptions& options = {});
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  // To be polled for reading, then dispatch(). -1 without a tracer: there is nothing to wait for.
  int fd() const { return tracer_ ? tracer_->fd() : -1; }

  // Takes in what the tracer has told. After a loss it looks at /proc anew. Returns how many
  // records were lost since the last call, for whoever says so.
  std::uint64_t dispatch();

  // It acted, and was this when it did.
  void saw(const TracedProcess& record);

  // The process that had this number at `at`, the moment when the event was read. Never null. The
  // ids are as they are now, or were at its end; of a process that lives and changes its ids
  // without an exec, up to kFresh old. What is not known is absent.
  std::shared_ptr<const ActingProcess> find(std::int32_t pid, std::uint64_t at);
  std::shared_ptr<const ActingProcess> find(std::int32_t pid) { return find(pid, boot_time_now()); }

  // This process, which lives, and what it starts from here on.
  Status excuse(std::int32_t pid, const std::shared_ptr<const Excuse>& excuse);
  // Those that are over.
  std::vector<std::shared_ptr<const Excuse>> take_excuses_over();
  const Excuses& excuses() const { return table_.excuses(); }

  // Whether those that have ended are known too.
  bool remembers() const { return tracer_.has_value(); }

  // Whether it still runs, as the same process.
  bool is_alive(const ActingProcess& found) const;

  const std::optional<Error>& tracer_error() const { return tracer_error_; }
  std::uint64_t dropped() const { return tracer_ ? tracer_->dropped() : 0; }
  const ProcessTable& table() const { return table_; }

  static constexpr std::uint64_t kFresh = 20'000'000;  // nanoseconds

 private:
  void catch_up();
  void look_at_all();
  ProcessEntry* look_at(std::int32_t pid, std::uint64_t now, std::size_t depth = 0);
  std::shared_ptr<const ActingProcess> view(ProcessEntry& entry);

  ProcessTable table_;
  Proc proc_;
  std::optional<Tracer> tracer_;
  std::optional<Error> tracer_error_;
  std::uint64_t dropped_told_ = 0;
  std::uint64_t dropped_cured_ = 0;
};

}  // namespace guard
