#include "guardd/who/process_table.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "guardd/who/traced_process.h"

namespace guard {

namespace {

constexpr std::size_t kMostEarlier = 8;

// An event can be this late and still be about the previous process with the number.
constexpr std::uint64_t kLatestEvent = 10'000'000'000;  // nanoseconds

bool is_now(const Snapshot& process, Uid uid) {
  return process.uid == uid && process.euid == uid && process.fsuid == uid;
}

// Adds the users that `before` was until `at` to the earlier users of `now`.
void add_earlier_users(const Snapshot& before, std::uint64_t at, Snapshot& now) {
  now.earlier.insert(now.earlier.end(), before.earlier.begin(), before.earlier.end());
  for (const auto& uid : {before.uid, before.euid, before.fsuid}) {
    if (!uid || is_now(now, *uid)) continue;
    const auto known = std::find_if(now.earlier.begin(), now.earlier.end(),
                                    [&](const EarlierUser& each) { return each.uid == *uid; });
    if (known != now.earlier.end())
      known->until = at;
    else
      now.earlier.push_back({*uid, at});
  }
  if (now.earlier.size() > kMostEarlier)
    now.earlier.erase(now.earlier.begin(), now.earlier.end() - kMostEarlier);
}

bool has_ids_of(const Snapshot& known, const TracedProcess& record) {
  const bool has_login = record.login == kUnset ? !known.login : known.login == Uid{record.login};
  return has_login && known.uid == Uid{record.uid} && known.euid == Uid{record.euid} &&
         known.fsuid == Uid{record.fsuid} && known.gid == Gid{record.fsgid};
}

}  // namespace

// Fails safe: the functions of the listener allocate, and are noexcept. Without memory, guardd ends
// and is restarted, instead of using a table that may name the wrong process.

void ProcessTable::on_fork(const TracedFork& record) noexcept {
  if (auto* known = match(record.process)) {  // it was read from /proc before this record
    set_parent(*known, record.process);
    return;
  }
  if (auto* entry = add(snapshot_of(record.process))) {
    update_ids(*entry, record.process);
    set_parent(*entry, record.process);
  }
}

void ProcessTable::on_exec(const TracedExec& record) noexcept {
  auto* entry = match(record.process);
  if (!entry) {  // its fork was lost
    entry = add(snapshot_of(record.process));
    if (!entry) return;
    set_parent(*entry, record.process);
  }
  update_ids(*entry, record.process);
  entry->now.image = with_stat_id(std::make_shared<const Image>(image_of(record)));
  entry->now.cwd.reset();
  entry->traced = true;
}

std::shared_ptr<const Image> ProcessTable::with_stat_id(std::shared_ptr<const Image> image) const {
  if (!image || !image->is_kernel_id || !image->id) return image;
  const auto known = executables_.find(*image->id);
  if (known == executables_.end()) return image;
  auto changed = *image;
  changed.id = known->second;
  changed.is_kernel_id = false;
  return std::make_shared<const Image>(std::move(changed));
}

void ProcessTable::add_executable(InodeId kernel_id, InodeId stat_id) {
  if (executables_.size() >= kMostExecutables) executables_.clear();
  executables_.insert_or_assign(kernel_id, stat_id);
}

void ProcessTable::on_exit(const TracedExit& record) noexcept {
  auto* entry = match(record.process);
  if (!entry) {
    entry = add(snapshot_of(record.process));
    if (!entry) return;
    set_parent(*entry, record.process);
  }
  update_ids(*entry, record.process);
  entry->now.cwd = path_of(record.cwd);
  mark_ended(*entry, record.process.time);
}

void ProcessTable::on_cgroup(const TracedCgroup& record) noexcept {
  if (record.length != 0 && record.length <= sizeof record.path)
    groups_.add(record.id, std::string_view(record.path, record.length));
}

void ProcessTable::update_from_lsm(const TracedProcess& record) {
  if (record.pid == 0) return;  // not in our process namespace
  auto* entry = match(record);
  const bool is_new = !entry;
  if (is_new) {
    entry = add(snapshot_of(record));
    if (!entry) return;
    set_parent(*entry, record);
  }
  if (entry->end) return;
  if (is_new || !has_ids_of(entry->now, record)) update_ids(*entry, record);
  if (!is_new) entry->looked_up = record.time;
}

ProcessEntry* ProcessTable::find(std::int32_t pid, std::uint64_t at) {
  const auto found = newest_.find(pid);
  if (found == newest_.end()) return nullptr;
  auto* entry = found->second.get();
  while (entry && entry->now.start > at) entry = entry->older.get();
  return entry;
}

ProcessEntry* ProcessTable::find_living(std::int32_t pid) {
  const auto found = newest_.find(pid);
  return found == newest_.end() || found->second->end ? nullptr : found->second.get();
}

// The entry that a record is about.
ProcessEntry* ProcessTable::match(const TracedProcess& record) {
  return find_started(record.pid, record.start);
}

ProcessEntry* ProcessTable::find_started(std::int32_t pid, std::uint64_t start) {
  const auto found = newest_.find(pid);
  if (found == newest_.end()) return nullptr;
  for (auto* entry = found->second.get(); entry; entry = entry->older.get())
    if (same_start(entry->now.start, start)) return entry;
  return nullptr;
}

ProcessEntry* ProcessTable::add(Snapshot snapshot) {
  if (auto* before = find_living(snapshot.pid)) mark_ended(*before, snapshot.start);
  if (living_count_ >= limits_.living) {
    ++counters_.rejected;
    return nullptr;
  }
  auto& newest = newest_[snapshot.pid];
  auto entry = std::make_unique<ProcessEntry>();
  if (newest && newest->end && *newest->end + kLatestEvent > snapshot.start)
    add_earlier_users(newest->now, *newest->end, snapshot);
  entry->now = std::move(snapshot);
  entry->older = std::move(newest);
  newest = std::move(entry);
  ++living_count_;
  return newest.get();
}

// The process that started it stays its parent, even if the kernel gives it another one.
void ProcessTable::set_parent(ProcessEntry& entry, const TracedProcess& record) {
  entry.now.start = record.start;
  entry.acting.reset();
  entry.for_children.reset();
  if (record.kind != kRecordFork && entry.now.parent != 0 && entry.lineage) return;
  entry.now.parent = record.parent;
  entry.now.parent_start = record.parent_start;
  auto* parent = find(record.parent, record.start);
  if (!parent || !same_start(parent->now.start, record.parent_start)) return;
  entry.lineage = lineage_below(*parent, 0);
  inherit_excuse(entry, *parent);
  if (record.kind == kRecordFork && !entry.now.image) {
    entry.now.image = parent->now.image;
    entry.traced = parent->traced;
  }
}

void ProcessTable::update_ids(ProcessEntry& entry, const TracedProcess& record) {
  auto fresh = snapshot_of(record);
  add_earlier_users(entry.now, record.time, fresh);
  fresh.image = std::move(entry.now.image);
  fresh.cwd = std::move(entry.now.cwd);
  fresh.excuse = std::move(entry.now.excuse);
  fresh.control_group = groups_.find(record.cgroup);
  if (!fresh.control_group) fresh.control_group = std::move(entry.now.control_group);
  if (entry.now.parent != 0) {
    fresh.parent = entry.now.parent;
    fresh.parent_start = entry.now.parent_start;
  }
  entry.now = std::move(fresh);
  entry.acting.reset();
  entry.for_children.reset();
}

ProcessEntry* ProcessTable::update_from_proc(Snapshot snapshot, std::uint64_t at) {
  auto* entry = find_living(snapshot.pid);
  if (!entry || !same_start(entry->now.start, snapshot.start)) {
    entry = add(std::move(snapshot));
    if (!entry) return nullptr;
    entry->looked_up = at;
    if (const auto* parent = find_living(entry->now.parent)) inherit_excuse(*entry, *parent);
    return entry;
  }
  snapshot.excuse = entry->now.excuse;
  snapshot.start = entry->now.start;
  if (entry->now.parent != 0) {
    snapshot.parent = entry->now.parent;
    snapshot.parent_start = entry->now.parent_start;
  }
  add_earlier_users(entry->now, at, snapshot);
  const bool is_same_program = !snapshot.image && snapshot.comm == entry->now.comm;
  if (entry->now.image && (entry->traced || is_same_program)) snapshot.image = entry->now.image;
  if (!snapshot.cwd) snapshot.cwd = entry->now.cwd;
  if (!snapshot.control_group) snapshot.control_group = entry->now.control_group;
  entry->now = std::move(snapshot);
  entry->looked_up = at;
  entry->acting.reset();
  entry->for_children.reset();
  return entry;
}

void ProcessTable::add_facts(ProcessEntry& entry, const ProcessFacts& facts) {
  if (entry.end) return;
  if (facts.image && !(entry.traced && entry.now.image)) entry.now.image = facts.image;
  if (facts.cwd) entry.now.cwd = facts.cwd;
  if (facts.cgroup) entry.now.control_group = groups_.of_path(*facts.cgroup);
  entry.for_children.reset();
}

void ProcessTable::mark_ended(ProcessEntry& entry, std::uint64_t at) {
  if (entry.end) return;
  entry.end = at;
  excuses_.ended(entry.now.pid, entry.now.start);
  entry.for_children.reset();
  --living_count_;
  ended_.push_back({entry.now.pid, entry.now.start, at});
  forget_old(at);
}

Status ProcessTable::excuse(ProcessEntry& entry, const std::shared_ptr<const Excuse>& excuse) {
  GUARD_CHECK(excuses_.add(entry.now.pid, entry.now.start, excuse));
  entry.now.excuse = excuse;
  entry.acting.reset();
  entry.for_children.reset();
  return {};
}

void ProcessTable::inherit_excuse(ProcessEntry& entry, const ProcessEntry& parent) {
  const auto& excuse = parent.now.excuse;
  if (!excuse || entry.now.excuse || parent.now.start > entry.now.start) return;
  if (entry.end || excuses_.inherit(entry.now.pid, entry.now.start, excuse))
    entry.now.excuse = excuse;
}

std::shared_ptr<const Lineage> ProcessTable::lineage_of(ProcessEntry& entry, std::size_t depth) {
  if (entry.lineage || depth >= kKnownAncestors || entry.now.parent == 0) return entry.lineage;
  auto* parent = find(entry.now.parent, entry.now.start);
  if (parent && parent != &entry) entry.lineage = lineage_below(*parent, depth + 1);
  return entry.lineage;
}

std::shared_ptr<const Lineage> ProcessTable::lineage_below(ProcessEntry& parent,
                                                           std::size_t depth) {
  if (parent.for_children) return parent.for_children;
  auto lineage = std::make_shared<Lineage>();
  lineage->push_back(std::make_shared<const Snapshot>(parent.now));
  if (const auto above = lineage_of(parent, depth)) {
    const auto count = std::min(above->size(), kKnownAncestors - 1);
    lineage->insert(lineage->end(), above->begin(),
                    above->begin() + static_cast<std::ptrdiff_t>(count));
  }
  parent.for_children = lineage;
  return lineage;
}

std::vector<std::int32_t> ProcessTable::living() const {
  std::vector<std::int32_t> pids;
  for (const auto& [pid, entry] : newest_)
    if (!entry->end) pids.push_back(pid);
  return pids;
}

void ProcessTable::forget_old(std::uint64_t now) {
  const auto age = static_cast<std::uint64_t>(limits_.age.count());
  while (!ended_.empty() && ended_.front().end + age < now) {
    ++counters_.aged;
    forget(ended_.front());
    ended_.pop_front();
  }
  while (ended_.size() > limits_.ended) {
    ++counters_.forgotten;
    forget(ended_.front());
    ended_.pop_front();
  }
}

void ProcessTable::forget(const EndedProcess& which) {
  const auto found = newest_.find(which.pid);
  if (found == newest_.end()) return;
  for (auto* place = &found->second; *place; place = &(*place)->older) {
    if (!(*place)->end || (*place)->now.start != which.start) continue;
    auto older = std::move((*place)->older);
    *place = std::move(older);
    break;
  }
  if (!found->second) newest_.erase(found);
}

}  // namespace guard
