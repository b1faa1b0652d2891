#include "guardd/who/processes.h"

#include <ctime>
#include <utility>

namespace guard {

std::uint64_t boot_time_now() {
  timespec now{};
  (void)::clock_gettime(CLOCK_BOOTTIME, &now);  // fails for no clock that exists
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

Processes::Processes(const ProcessesOptions& options)
    : table_(options.limits), proc_(options.proc) {
  if (options.tracer) {
    auto tracer = Tracer::load();
    if (tracer)
      tracer_ = std::move(*tracer);
    else
      tracer_error_ = tracer.error();
  }
  look_at_all();  // after the tracer is there: what starts in between is told twice, not never
  catch_up();
}

std::uint64_t Processes::dispatch() {
  catch_up();
  const auto lost = dropped() - dropped_told_;
  dropped_told_ += lost;
  if (dropped_told_ != dropped_cured_) {
    dropped_cured_ = dropped_told_;
    look_at_all();
  }
  return lost;
}

void Processes::saw(const TracedProcess& record) {
  catch_up();
  table_.witnessed(record);
}

std::shared_ptr<const ActingProcess> Processes::find(std::int32_t pid, std::uint64_t at) {
  catch_up();
  auto* entry = table_.find(pid, at);
  if (entry && entry->end) return view(*entry);
  const auto now = boot_time_now();
  if (entry && entry->looked_up + kFresh > now) return view(*entry);
  (void)look_at(pid, now);
  entry = table_.find(pid, at);
  return entry ? view(*entry) : std::make_shared<const ActingProcess>(pid);
}

void Processes::catch_up() {
  if (tracer_) (void)tracer_->catch_up(table_);
}

Status Processes::excuse(std::int32_t pid, const std::shared_ptr<const Excuse>& excuse) {
  catch_up();
  (void)look_at(pid, boot_time_now());
  auto* entry = table_.living(pid);
  if (!entry) return Error("the process " + std::to_string(pid) + " is not to be seen");
  return table_.excuse(*entry, excuse);
}

std::vector<std::shared_ptr<const Excuse>> Processes::take_excuses_over() {
  catch_up();
  return table_.excuses().take_over([this](std::int32_t pid, std::uint64_t start) {
    const auto now = proc_.start_of(pid);
    return now && same_start(*now, start);
  });
}

// Everybody who lives gets in, and whoever does not is known to have ended.
void Processes::look_at_all() {
  const auto now = boot_time_now();
  for (const auto pid : table_.all_living()) (void)look_at(pid, now, kKnownAncestors);
  for (const auto pid : proc_.all())
    if (!table_.living(pid)) (void)look_at(pid, now, kKnownAncestors);
  for (const auto pid : table_.all_living())
    if (auto* entry = table_.living(pid)) (void)table_.lineage_of(*entry);
}

ProcessEntry* Processes::look_at(std::int32_t pid, std::uint64_t now, std::size_t depth) {
  auto snapshot = proc_.read(pid, table_.control_groups());
  if (!snapshot) {
    // The tracer told its end before /proc stopped knowing it, unless that record was lost; without
    // a tracer this is how an end is seen. A process that /proc fails to show for another reason
    // stays known as it was: too early an end only means that it is not asked for again.
    catch_up();
    if (auto* entry = table_.living(pid)) table_.gone(*entry, now);
    return nullptr;
  }
  const auto* known = table_.living(pid);
  const auto parent = snapshot->parent;
  if (!known && parent > 0 && depth < kKnownAncestors && !table_.living(parent))
    (void)look_at(parent, now, depth + 1);
  auto* entry = table_.seen(std::move(*snapshot), now);
  if (entry) (void)table_.lineage_of(*entry);
  return entry;
}

std::shared_ptr<const ActingProcess> Processes::view(ProcessEntry& entry) {
  if (!entry.found) entry.found = std::make_shared<const ActingProcess>(entry.now, entry.lineage);
  return entry.found;
}

bool Processes::is_alive(const ActingProcess& found) const {
  if (!found.known()) return false;
  const auto start = proc_.start_of(found.snapshot().pid);
  return start && same_start(*start, found.snapshot().start);
}

}  // namespace guard
