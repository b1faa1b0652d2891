// Identifies processes by number: the process table, the tracer that fills it, and /proc for
// processes that are still alive. What another user could delay, a helper reads: see
// ActingProcess::is_complete(). One thread, which find() never holds up.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "bpf/tracer.h"
#include "guardd/who/acting_process.h"
#include "guardd/who/containers.h"
#include "guardd/who/inquiry.h"
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
  // Has a helper read all living processes. Works without a tracer if it cannot be loaded: see
  // tracer_error().
  explicit Processes(HelperPort& inquiry, const ProcessesOptions& options = {})
      : Processes(inquiry, options, options.tracer ? std::optional(Tracer::load()) : std::nullopt) {
  }
  // The caller has loaded the tracer, if there is to be one.
  Processes(HelperPort& inquiry, const ProcessesOptions& options,
            std::optional<Result<Tracer>> tracer);
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  // Poll it for reading, then call dispatch(). -1: no tracer, nothing to wait for.
  int fd() const { return tracer_ ? tracer_->fd() : -1; }

  // Reads the records of the tracer. Has /proc read again if records were lost. Returns how many
  // were lost since the last call.
  std::uint64_t dispatch();

  // The LSM saw the process act with these ids.
  void update(const TracedProcess& record);

  // The process that had this number at `at`, when the event was read. Never null. Its ids are
  // those of now, or of its end. If it changed its ids without an exec, they can be up to kFresh
  // old. Unknown values are absent.
  std::shared_ptr<const ActingProcess> find(std::int32_t pid, std::uint64_t at);
  std::shared_ptr<const ActingProcess> find(std::int32_t pid) { return find(pid, boot_time_now()); }

  // Excuses this living process and the children that it starts from now on.
  Status excuse(std::int32_t pid, const std::shared_ptr<const Excuse>& excuse);
  std::vector<std::shared_ptr<const Excuse>> take_finished_excuses();
  const Excuses& excuses() const { return table_.excuses(); }

  // Whether processes that have ended are known too.
  bool remembers() const { return tracer_.has_value(); }
  // The processes that were alive at the start are not all known yet.
  bool is_listing() const { return is_listing_; }

  // Whether the same process is still alive.
  bool is_alive(const ActingProcess& process) const;

  const std::optional<Error>& tracer_error() const { return tracer_error_; }
  std::uint64_t dropped() const { return tracer_ ? tracer_->dropped() : 0; }
  const ProcessTable& table() const { return table_; }
  Containers& containers() { return containers_; }

  static constexpr std::uint64_t kFresh = 20'000'000;  // nanoseconds

 private:
  // A process that helpers are asked about.
  struct OpenProcess {
    std::shared_ptr<ActingProcess> who;
    unsigned questions = 0;
    std::vector<WantedProcess> wanted;  // the process first, then ancestors
    std::vector<std::optional<ProcessFacts>> facts;
    std::int32_t command = 0;  // see command_of()

    bool has_asked_for_containers = false;

    bool is_delayed() const { return facts.size() != wanted.size(); }
  };

  void catch_up();
  void list();
  void add(std::vector<KnownProcess>&& some);
  void end_list(std::uint64_t began);
  ProcessEntry* read(std::int32_t pid, std::uint64_t now, std::size_t depth = 0);
  std::shared_ptr<const ActingProcess> acting_process(ProcessEntry& entry);
  std::vector<WantedProcess> unknown_of(ProcessEntry& entry, std::int32_t command);
  std::optional<std::string> directory_of(const Snapshot& ancestor);
  void ask_for_facts(const std::shared_ptr<OpenProcess>& open);
  void ask_for_executables(const std::shared_ptr<OpenProcess>& open);
  void ask_for_executable(const Image& image, Uid by, const std::shared_ptr<OpenProcess>& open);
  void ask_for_containers(const std::shared_ptr<OpenProcess>& open);
  void answered(const std::shared_ptr<OpenProcess>& open);
  void complete(const OpenProcess& open);
  using FactsOf = std::function<const ProcessFacts*(const Snapshot&)>;
  std::shared_ptr<const Lineage> completed(std::shared_ptr<const Lineage> lineage,
                                           std::int32_t command, const FactsOf& facts_of);
  bool add_facts(Snapshot& process, const ProcessFacts* facts);

  HelperPort& inquiry_;
  Containers containers_;
  ProcessTable table_;
  Proc proc_;
  std::optional<Tracer> tracer_;
  std::optional<Error> tracer_error_;
  std::uint64_t reported_losses_ = 0;
  bool is_listing_ = false;
  std::unordered_set<std::int32_t> listed_;
};

}  // namespace guard
