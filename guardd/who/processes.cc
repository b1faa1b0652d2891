#include "guardd/who/processes.h"

#include <ctime>
#include <utility>

namespace guard {

std::uint64_t boot_time_now() {
  timespec now{};
  (void)::clock_gettime(CLOCK_BOOTTIME, &now);  // cannot fail for this clock
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

Processes::Processes(const ProcessesOptions& options, std::optional<Result<Tracer>> tracer)
    : table_(options.limits), proc_(options.proc) {
  if (tracer && *tracer)
    tracer_ = **std::move(tracer);
  else if (tracer)
    tracer_error_ = tracer->error();
  read_all();  // after loading the tracer, so that no new process is missed
  catch_up();
}

std::uint64_t Processes::dispatch() {
  catch_up();
  const auto lost = dropped() - reported_losses_;
  reported_losses_ += lost;
  if (lost != 0) read_all();
  return lost;
}

void Processes::update(const TracedProcess& record) {
  catch_up();
  table_.update_from_lsm(record);
}

std::shared_ptr<const ActingProcess> Processes::find(std::int32_t pid, std::uint64_t at) {
  catch_up();
  auto* entry = table_.find(pid, at);
  if (entry && entry->end) return acting_process(*entry);
  const auto now = boot_time_now();
  if (entry && entry->looked_up + kFresh > now) return acting_process(*entry);
  (void)read(pid, now);
  entry = table_.find(pid, at);
  return entry ? acting_process(*entry) : std::make_shared<const ActingProcess>(pid);
}

void Processes::catch_up() {
  if (tracer_) (void)tracer_->catch_up(table_);
}

Status Processes::excuse(std::int32_t pid, const std::shared_ptr<const Excuse>& excuse) {
  catch_up();
  (void)read(pid, boot_time_now());
  auto* entry = table_.find_living(pid);
  if (!entry) return Error("process " + std::to_string(pid) + " is not visible to guardd");
  return table_.excuse(*entry, excuse);
}

std::vector<std::shared_ptr<const Excuse>> Processes::take_finished_excuses() {
  catch_up();
  return table_.excuses().take_finished([this](std::int32_t pid, std::uint64_t start) {
    const auto now = proc_.start_of(pid);
    return now && same_start(*now, start);
  });
}

// Adds all living processes, and marks the others as ended.
void Processes::read_all() {
  const auto now = boot_time_now();
  for (const auto pid : table_.living()) (void)read(pid, now, kKnownAncestors);
  for (const auto pid : proc_.pids())
    if (!table_.find_living(pid)) (void)read(pid, now, kKnownAncestors);
  for (const auto pid : table_.living())
    if (auto* entry = table_.find_living(pid)) (void)table_.lineage_of(*entry);
}

ProcessEntry* Processes::read(std::int32_t pid, std::uint64_t now, std::size_t depth) {
  auto snapshot = proc_.read(pid, table_.control_groups());
  if (!snapshot) {
    // The tracer reports an exit before the process disappears from /proc, unless the record was
    // lost. Without a tracer, this is how guardd notices an exit. A process that /proc does not
    // show for another reason stays known as it was; it is only not read again.
    catch_up();
    if (auto* entry = table_.find_living(pid)) table_.mark_ended(*entry, now);
    return nullptr;
  }
  const auto* known = table_.find_living(pid);
  const auto parent = snapshot->parent;
  if (!known && parent > 0 && depth < kKnownAncestors && !table_.find_living(parent))
    (void)read(parent, now, depth + 1);
  auto* entry = table_.update_from_proc(std::move(*snapshot), now);
  if (entry) (void)table_.lineage_of(*entry);
  return entry;
}

std::shared_ptr<const ActingProcess> Processes::acting_process(ProcessEntry& entry) {
  if (!entry.acting) entry.acting = std::make_shared<const ActingProcess>(entry.now, entry.lineage);
  return entry.acting;
}

bool Processes::is_alive(const ActingProcess& process) const {
  if (!process.known()) return false;
  const auto start = proc_.start_of(process.snapshot().pid);
  return start && same_start(*start, process.snapshot().start);
}

}  // namespace guard
