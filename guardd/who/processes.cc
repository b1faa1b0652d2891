#include "guardd/who/processes.h"

#include <ctime>
#include <set>
#include <utility>

#include "guardd/who/describe.h"

namespace guard {

std::uint64_t boot_time_now() {
  timespec now{};
  (void)::clock_gettime(CLOCK_BOOTTIME, &now);  // cannot fail for this clock
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

Processes::Processes(HelperPort& inquiry, const ProcessesOptions& options,
                     std::optional<Result<Tracer>> tracer)
    : inquiry_(inquiry), containers_(inquiry), table_(options.limits), proc_(options.proc) {
  if (tracer && *tracer)
    tracer_ = **std::move(tracer);
  else if (tracer)
    tracer_error_ = tracer->error();
  list();  // after loading the tracer, so that no new process is missed
  catch_up();
}

std::uint64_t Processes::dispatch() {
  catch_up();
  const auto lost = dropped() - reported_losses_;
  reported_losses_ += lost;
  if (lost != 0) list();
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
  if (!tracer_) return;
  (void)tracer_->catch_up(table_);
  for (const auto& group : table_.control_groups().take_new_containers())
    containers_.look_up(group);
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

bool Processes::is_alive(const ActingProcess& process) const {
  if (!process.known()) return false;
  const auto start = proc_.start_of(process.snapshot().pid);
  return start && same_start(*start, process.snapshot().start);
}

// ---- all processes

// Adds all living processes, and marks the others as ended.
void Processes::list() {
  if (std::exchange(is_listing_, true)) return;
  listed_.clear();
  ask_for_all_processes(
      inquiry_, [this, began = boot_time_now()](std::vector<KnownProcess> some, bool is_last) {
        add(std::move(some));
        if (is_last) end_list(began);
      });
}

void Processes::add(std::vector<KnownProcess>&& some) {
  const auto now = boot_time_now();
  for (auto& [ids, facts] : some) {
    listed_.insert(ids.pid);
    auto* entry = table_.find_started(ids.pid, ids.start);
    if (!entry) entry = table_.update_from_proc(std::move(ids), now);
    if (entry && entry->now.comm == facts.comm) table_.add_facts(*entry, facts);
    if (facts.cgroup) containers_.look_up(*facts.cgroup);
  }
}

void Processes::end_list(std::uint64_t began) {
  is_listing_ = false;
  catch_up();
  const auto now = boot_time_now();
  for (const auto pid : table_.living()) {
    auto* entry = table_.find_living(pid);
    const bool is_listed = listed_.contains(pid) || entry->now.start > began;
    if (!is_listed && !proc_.start_of(pid))
      table_.mark_ended(*entry, now);
    else
      (void)table_.lineage_of(*entry);
  }
  listed_ = {};
}

// ---- one process

ProcessEntry* Processes::read(std::int32_t pid, std::uint64_t now, std::size_t depth) {
  auto snapshot = proc_.read_ids(pid);
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
  if (!entry) return nullptr;
  entry->needs_facts = true;
  (void)table_.lineage_of(*entry);
  return entry;
}

// What was read before may be outdated: without the answer, it is not known.
std::shared_ptr<const ActingProcess> Processes::acting_process(ProcessEntry& entry) {
  if (entry.acting) return entry.acting;
  (void)table_.lineage_of(entry);
  const auto open = std::make_shared<OpenProcess>();
  open->command = command_of(entry.now, entry.lineage.get());
  open->wanted = unknown_of(entry, open->command);
  auto self = entry.now;
  if (entry.needs_facts && !entry.end) {
    self.cwd.reset();
    if (!entry.traced) self.image.reset();
  }
  open->who = ActingProcess::with_ids(std::move(self), entry.lineage);
  entry.acting = open->who;
  entry.needs_facts = false;
  ++open->questions;  // until all have been asked: an answer can come at once
  const auto who = open->who;
  ask_for_facts(open);
  ask_for_executables(open);
  answered(open);
  return who;
}

std::vector<WantedProcess> Processes::unknown_of(ProcessEntry& entry, std::int32_t command) {
  std::vector<WantedProcess> wanted;
  const bool knows_image = entry.traced && entry.now.image;
  const bool is_read = !entry.end && entry.needs_facts;
  if (is_read) wanted.push_back({entry.now.pid, entry.now.start, !knows_image});
  if (!entry.lineage) return wanted;
  for (const auto& ancestor : *entry.lineage) {
    const bool is_read_for_directory = ancestor->pid == command && !directory_of(*ancestor);
    if ((!ancestor->image || is_read_for_directory) && wanted.size() < kMostWantedProcesses)
      wanted.push_back({ancestor->pid, ancestor->start, !ancestor->image});
  }
  return wanted;
}

// The tracer reports no directory before the end. That of a command is read when something below it
// first acts.
std::optional<std::string> Processes::directory_of(const Snapshot& ancestor) {
  if (ancestor.cwd) return ancestor.cwd;
  const auto* entry = table_.find_started(ancestor.pid, ancestor.start);
  return entry ? entry->now.cwd : std::nullopt;
}

void Processes::ask_for_facts(const std::shared_ptr<OpenProcess>& open) {
  if (open->wanted.empty()) return;
  ++open->questions;
  const auto by = open->who->snapshot().uid.value_or(kRoot);
  ask_for_processes(inquiry_, open->wanted, by, [this, open](auto facts) {
    open->facts = std::move(facts);
    for (std::size_t i = 0; i < open->facts.size(); ++i) {
      const auto& process = open->wanted[i];
      auto* entry = table_.find_started(process.pid, process.start);
      if (entry && open->facts[i]) table_.add_facts(*entry, *open->facts[i]);
    }
    answered(open);
  });
}

void Processes::ask_for_executables(const std::shared_ptr<OpenProcess>& open) {
  const auto& self = open->who->snapshot();
  const auto by = self.uid.value_or(kRoot);
  if (self.image) ask_for_executable(*self.image, by, open);
  if (!open->who->lineage()) return;
  for (const auto& ancestor : *open->who->lineage())
    if (ancestor->image) ask_for_executable(*ancestor->image, by, open);
}

void Processes::ask_for_executable(const Image& image, Uid by,
                                   const std::shared_ptr<OpenProcess>& open) {
  if (!image.is_kernel_id || !image.exe || !image.id) return;
  ++open->questions;
  guard::ask_for_executable(inquiry_, *image.exe, *image.id, by,
                            [this, open, kernel_id = *image.id](std::optional<InodeId> id) {
                              if (id) table_.add_executable(kernel_id, *id);
                              answered(open);
                            });
}

// The control groups are known only once the facts are.
void Processes::ask_for_containers(const std::shared_ptr<OpenProcess>& open) {
  std::set<std::string> groups;
  const auto add = [&](const std::shared_ptr<const ControlGroup>& group) {
    if (group) groups.insert(group->path);
  };
  const auto& self = open->who->snapshot();
  add(self.control_group);
  if (const auto* entry = table_.find_started(self.pid, self.start)) add(entry->now.control_group);
  for (const auto& facts : open->facts)
    if (facts && facts->cgroup) groups.insert(*facts->cgroup);
  if (open->who->lineage())
    for (const auto& ancestor : *open->who->lineage()) add(ancestor->control_group);
  for (const auto& group : groups) {
    ++open->questions;
    containers_.look_up(group, [this, open] { answered(open); });
  }
}

void Processes::answered(const std::shared_ptr<OpenProcess>& open) {
  if (--open->questions != 0) return;
  if (!std::exchange(open->has_asked_for_containers, true)) {
    ++open->questions;  // until all have been asked
    ask_for_containers(open);
    return answered(open);
  }
  complete(*open);
}

void Processes::complete(const OpenProcess& open) {
  const auto facts_of = [&](const Snapshot& process) -> const ProcessFacts* {
    for (std::size_t i = 0; i < open.facts.size(); ++i)
      if (open.wanted[i].pid == process.pid && open.wanted[i].start == process.start &&
          open.facts[i])
        return &*open.facts[i];
    return nullptr;
  };
  auto self = open.who->snapshot();
  auto* entry = table_.find_started(self.pid, self.start);
  if (entry && entry->end) {  // it may have ended before it was read
    if (!self.image) self.image = entry->now.image;
    if (!self.cwd) self.cwd = entry->now.cwd;
    if (!self.control_group) self.control_group = entry->now.control_group;
  }
  (void)add_facts(self, facts_of(self));
  auto lineage = completed(open.who->lineage(), open.command, facts_of);
  if (entry && lineage) entry->lineage = lineage;
  const bool is_delayed = open.is_delayed() && !self.image;
  open.who->complete(std::move(self), std::move(lineage), is_delayed);
}

// The same ancestors, if there is nothing to add.
std::shared_ptr<const Lineage> Processes::completed(std::shared_ptr<const Lineage> lineage,
                                                    std::int32_t command, const FactsOf& facts_of) {
  if (!lineage) return lineage;
  std::shared_ptr<Lineage> changed;
  for (std::size_t i = 0; i < lineage->size(); ++i) {
    auto ancestor = *(*lineage)[i];
    const bool had_directory = ancestor.cwd.has_value();
    if (ancestor.pid == command) ancestor.cwd = directory_of(ancestor);
    const bool is_changed = ancestor.cwd.has_value() != had_directory;
    if (!add_facts(ancestor, facts_of(ancestor)) && !is_changed) continue;
    if (!changed) changed = std::make_shared<Lineage>(*lineage);
    (*changed)[i] = std::make_shared<const Snapshot>(std::move(ancestor));
  }
  return changed ? changed : lineage;
}

// A process that executed another program meanwhile usually has another name: then what was read is
// not about the program that acted. False: there was nothing to add.
bool Processes::add_facts(Snapshot& process, const ProcessFacts* facts) {
  const auto before = process.image;
  const bool is_same_program = facts && facts->comm == process.comm;
  if (is_same_program) {
    if (!process.image) process.image = facts->image;
    if (facts->cwd) process.cwd = facts->cwd;
    if (facts->cgroup) process.control_group = table_.control_groups().of_path(*facts->cgroup);
  }
  const auto container =
      process.control_group ? containers_.find(process.control_group->path) : nullptr;
  const bool is_known_container = container && container != process.container;
  if (is_known_container) process.container = container;
  process.image = table_.with_stat_id(std::move(process.image));
  if (process.image == before) return is_same_program || is_known_container;
  auto* entry = table_.find_started(process.pid, process.start);
  if (entry && before && entry->now.image == before) {
    entry->now.image = process.image;
    entry->for_children.reset();
  }
  return true;
}

}  // namespace guard
