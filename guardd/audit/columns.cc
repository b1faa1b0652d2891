#include "guardd/audit/columns.h"

#include <utility>

namespace guard {
namespace {

template <typename Number>
std::optional<Number> maybe(const std::optional<std::int64_t>& value) {
  return value ? std::optional(static_cast<Number>(*value)) : std::nullopt;
}

template <typename Id>
std::optional<Id> maybe_id(const std::optional<std::int64_t>& value) {
  return value ? std::optional(Id{static_cast<std::uint32_t>(*value)}) : std::nullopt;
}

template <typename Id>
Id id_of(std::int64_t value) {
  return Id{static_cast<std::uint32_t>(value)};
}

std::uint64_t natural(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

template <typename E>
void add_word(Fields& fields, E value) {
  fields.add(static_cast<std::int64_t>(value));
}

// A word that only a newer guardd knows stays what it would be without.
template <typename E>
void read_word(Statement& row, E& value) {
  const auto number = row.number();
  if (number >= 0 && number < static_cast<std::int64_t>(Words<E>::kAll.size()))
    value = static_cast<E>(number);
}

void add(Fields& fields, const std::optional<Ownership>& state) {
  fields.add(state ? std::optional(state->uid) : std::nullopt);
  fields.add(state ? std::optional(state->gid) : std::nullopt);
  fields.add(state ? std::optional(state->mode) : std::nullopt);
}

template <typename Number>
void append(std::string& key, Number number) {
  key.append(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace

void Fields::bind_to(Statement& statement) const {
  for (const auto& value : values_) {
    if (const auto* number = std::get_if<std::int64_t>(&value))
      statement.bind(*number);
    else if (const auto* bytes = std::get_if<std::string_view>(&value))
      statement.bind(*bytes);
    else
      statement.bind_nothing();
  }
}

std::string Fields::key() const {
  std::string key;
  for (const auto& value : values_) {
    key += static_cast<char>(value.index());
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      append(key, *number);
    } else if (const auto* bytes = std::get_if<std::string_view>(&value)) {
      append(key, bytes->size());
      key += *bytes;
    }
  }
  return key;
}

Fields chapter_fields(const Violation& violation) {
  Fields fields;
  fields.add(violation.policy);
  add_word(fields, violation.severity);
  fields.add(violation.actor.login_uid);
  fields.add(violation.actor.login_user);
  fields.add(violation.actor.human);
  return fields;
}

Fields kind_fields(const Violation& violation) {
  Fields fields;
  fields.add(violation.boot_id);
  fields.add(violation.policy_file);
  fields.add(violation.policy_line);
  fields.add(violation.generation);
  add_word(fields, violation.backend);
  fields.add(violation.category);
  add_word(fields, violation.guard);
  add_word(fields, violation.operation);
  add_word(fields, violation.file_type);
  fields.add(violation.uid_wanted);
  fields.add(violation.gid_wanted);
  fields.add(violation.mode_wanted);
  fields.add(violation.owner_wanted);
  fields.add(violation.group_wanted);
  add_word(fields, violation.action);
  fields.add(violation.reason);
  return fields;
}

Fields setting_fields(const Actor& actor) {
  Fields fields;
  fields.add(actor.cwd);
  fields.add(actor.tty);
  fields.add(actor.uid);
  fields.add(actor.euid);
  fields.add(actor.fsuid);
  fields.add(actor.gid);
  fields.add(actor.session);
  fields.add(actor.session_id);
  fields.add(actor.session_service);
  fields.add(actor.session_tty);
  fields.add(actor.session_remote_host);
  fields.add(actor.unit);
  fields.add(actor.slice);
  fields.add(actor.cgroup);
  fields.add(actor.container);
  fields.add(actor.container_runtime);
  fields.add(actor.cron_uid);
  fields.add(actor.cron_user);
  fields.add(actor.label);
  fields.add(actor.human_source);
  fields.add(actor.hint_sudo_user);
  fields.add(actor.hint_ssh);
  return fields;
}

Fields actor_fields(const Actor& actor, std::int64_t setting, std::optional<std::int64_t> parent) {
  Fields fields;
  fields.add(actor.pid);
  fields.add(actor.tid);
  fields.add(actor.start_time);
  fields.add(actor.ppid);
  fields.add(actor.comm);
  fields.add(actor.exe);
  fields.add(actor.cmdline);
  fields.add(setting);
  fields.add(parent);
  return fields;
}

Fields ancestor_fields(const Ancestor& process, std::optional<std::int64_t> parent) {
  Fields fields;
  fields.add(process.pid);
  fields.add(process.start_time);
  fields.add(process.comm);
  fields.add(process.exe);
  fields.add(process.cmdline);
  fields.add(parent);
  return fields;
}

Fields own_fields(const Violation& violation, const SegmentPlace& place) {
  Fields fields;
  fields.add(place.chapter);
  fields.add(place.kind);
  fields.add(place.actor);
  fields.add(violation.id);
  fields.add(micros_of(violation.time));
  fields.add(violation.monotonic_us);
  fields.add(violation.path);
  fields.add(violation.old_path);
  fields.add(violation.object.device);
  fields.add(violation.object.inode);
  fields.add(violation.links);
  add(fields, violation.before);
  add(fields, violation.after);
  fields.add(violation.repeats);
  return fields;
}

const char* const kViolationColumns =
    "v.id, v.time, v.monotonic_us, v.path, v.old_path, v.device, v.inode, v.links, v.uid_before, "
    "v.gid_before, v.mode_before, v.uid_after, v.gid_after, v.mode_after, v.repeats, i.name, "
    "c.policy, c.severity, c.login_uid, c.login_user, c.human, "
    "k.boot_id, k.policy_file, k.policy_line, k.generation, k.backend, k.category, k.guard, "
    "k.operation, k.file_type, k.uid_wanted, k.gid_wanted, k.mode_wanted, k.owner_wanted, "
    "k.group_wanted, k.action, k.reason, "
    "s.cwd, s.tty, s.uid, s.euid, s.fsuid, s.gid, s.session, s.session_id, s.session_service, "
    "s.session_tty, s.session_remote_host, s.unit, s.slice, s.cgroup, s.container, "
    "s.container_runtime, s.cron_uid, s.cron_user, s.label, s.human_source, s.hint_sudo_user, "
    "s.hint_ssh, "
    "a.pid, a.tid, a.start_time, a.ppid, a.comm, a.exe, a.cmdline, v.chapter, a.parent";

const char* const kViolationJoins =
    "CROSS JOIN kinds k ON k.chapter = v.chapter AND k.number = v.kind "
    "CROSS JOIN actors a ON a.chapter = v.chapter AND a.number = v.actor "
    "CROSS JOIN settings s ON s.chapter = v.chapter AND s.number = a.setting ";

std::optional<Ownership> read_ownership(Statement& row) {
  const auto uid = maybe_id<Uid>(row.number_if_any());
  const auto gid = maybe_id<Gid>(row.number_if_any());
  const auto mode = maybe_id<Mode>(row.number_if_any());
  if (!uid || !gid || !mode) return std::nullopt;
  return Ownership{*uid, *gid, *mode};
}

LineageStart read_violation(Statement& row, Violation& violation) {
  violation.id = row.bytes();
  violation.time = time_of(row.number());
  violation.monotonic_us = natural(row.number());
  violation.path = row.bytes();
  violation.old_path = row.bytes_if_any();
  violation.object.device = natural(row.number());
  violation.object.inode = natural(row.number());
  violation.links = natural(row.number());
  violation.before = read_ownership(row);
  violation.after = read_ownership(row);
  violation.repeats = natural(row.number());
  violation.incident = row.bytes();

  auto& actor = violation.actor;
  violation.policy = row.bytes();
  read_word(row, violation.severity);
  actor.login_uid = maybe_id<Uid>(row.number_if_any());
  actor.login_user = row.bytes_if_any();
  actor.human = row.bytes_if_any();

  violation.boot_id = row.bytes();
  violation.policy_file = row.bytes();
  violation.policy_line = static_cast<std::uint32_t>(row.number());
  violation.generation = natural(row.number());
  read_word(row, violation.backend);
  violation.category = row.bytes();
  read_word(row, violation.guard);
  read_word(row, violation.operation);
  read_word(row, violation.file_type);
  violation.uid_wanted = id_of<Uid>(row.number());
  violation.gid_wanted = id_of<Gid>(row.number());
  violation.mode_wanted = maybe_id<Mode>(row.number_if_any());
  violation.owner_wanted = row.bytes();
  violation.group_wanted = row.bytes();
  read_word(row, violation.action);
  violation.reason = row.bytes();

  actor.cwd = row.bytes_if_any();
  actor.tty = row.bytes_if_any();
  actor.uid = maybe_id<Uid>(row.number_if_any());
  actor.euid = maybe_id<Uid>(row.number_if_any());
  actor.fsuid = maybe_id<Uid>(row.number_if_any());
  actor.gid = maybe_id<Gid>(row.number_if_any());
  actor.session = maybe<std::uint32_t>(row.number_if_any());
  actor.session_id = row.bytes_if_any();
  actor.session_service = row.bytes_if_any();
  actor.session_tty = row.bytes_if_any();
  actor.session_remote_host = row.bytes_if_any();
  actor.unit = row.bytes_if_any();
  actor.slice = row.bytes_if_any();
  actor.cgroup = row.bytes_if_any();
  actor.container = row.bytes_if_any();
  actor.container_runtime = row.bytes_if_any();
  actor.cron_uid = maybe_id<Uid>(row.number_if_any());
  actor.cron_user = row.bytes_if_any();
  actor.label = row.bytes_if_any();
  actor.human_source = row.bytes_if_any();
  actor.hint_sudo_user = row.bytes_if_any();
  actor.hint_ssh = row.bytes_if_any();

  actor.pid = maybe<std::int32_t>(row.number_if_any());
  actor.tid = maybe<std::int32_t>(row.number_if_any());
  actor.start_time = maybe<std::uint64_t>(row.number_if_any());
  actor.ppid = maybe<std::int32_t>(row.number_if_any());
  actor.comm = row.bytes_if_any();
  actor.exe = row.bytes_if_any();
  actor.cmdline = row.bytes_if_any();
  LineageStart start;
  start.chapter = row.number();
  start.parent = row.number_if_any();
  return start;
}

std::optional<std::int64_t> read_ancestor(Statement& row, Ancestor& process) {
  process.pid = static_cast<std::int32_t>(row.number());
  process.start_time = natural(row.number());
  process.comm = row.bytes();
  process.exe = row.bytes();
  process.cmdline = row.bytes();
  return row.number_if_any();
}

}  // namespace guard
