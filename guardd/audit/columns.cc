#include "guardd/audit/columns.h"

#include <algorithm>
#include <utility>

#include "policy/base/text.h"

namespace guard {
namespace {

// Calls column(name, member) for each pair.
template <typename Column, typename Member, typename... More>
void each(Column& column, std::string_view name, Member& member, More&... more) {
  column(name, member);
  if constexpr (sizeof...(more) > 0) each(column, more...);
}

// Each column and its member, once: for writing, for reading and for SQL.

template <typename V, typename Column>
void own_columns(V& violation, Column&& column) {
  each(column, "id", violation.id, "time", violation.time, "monotonic_us", violation.monotonic_us,
       "path", violation.path, "old_path", violation.old_path, "device", violation.object.device,
       "inode", violation.object.inode, "links", violation.links, "before", violation.before,
       "after", violation.after, "repeats", violation.repeats, "times", violation.times);
}

template <typename V, typename A, typename Column>
void segment_columns(V& violation, A& actor, Column&& column) {
  each(column, "policy", violation.policy, "severity", violation.severity, "login_uid",
       actor.login_uid, "login_user", actor.login_user, "human", actor.human);
}

template <typename V, typename Column>
void kind_columns(V& violation, Column&& column) {
  each(column, "boot_id", violation.boot_id, "policy_file", violation.policy_file, "policy_line",
       violation.policy_line, "generation", violation.generation, "backend", violation.backend,
       "category", violation.category, "guard", violation.guard, "operation", violation.operation,
       "file_type", violation.file_type, "uid_wanted", violation.uid_wanted, "gid_wanted",
       violation.gid_wanted, "mode_wanted", violation.mode_wanted, "owner_wanted",
       violation.owner_wanted, "group_wanted", violation.group_wanted, "action", violation.action,
       "reason", violation.reason, "host", violation.host, "machine_id", violation.machine_id,
       "owner_before", violation.owner_before, "group_before", violation.group_before,
       "owner_after", violation.owner_after, "group_after", violation.group_after,
       "owner_in_container", violation.owner_in_container, "user_in_container",
       violation.user_in_container);
}

template <typename A, typename Column>
void setting_columns(A& actor, Column&& column) {
  each(column, "cwd", actor.cwd, "tty", actor.tty, "uid", actor.uid, "euid", actor.euid, "fsuid",
       actor.fsuid, "gid", actor.gid, "session", actor.session, "session_id", actor.session_id,
       "session_service", actor.session_service, "session_tty", actor.session_tty,
       "session_remote_host", actor.session_remote_host, "unit", actor.unit, "slice", actor.slice,
       "cgroup", actor.cgroup, "container", actor.container, "container_runtime",
       actor.container_runtime, "container_name", actor.container_name, "image", actor.image, "pod",
       actor.pod, "cron_uid", actor.cron_uid, "cron_user", actor.cron_user, "label", actor.label,
       "human_source", actor.human_source, "hint_sudo_user", actor.hint_sudo_user, "hint_ssh",
       actor.hint_ssh, "egid", actor.egid, "uid_name", actor.uid_name, "euid_name", actor.euid_name,
       "fsuid_name", actor.fsuid_name, "gid_name", actor.gid_name, "egid_name", actor.egid_name);
}

template <typename A, typename Column>
void actor_columns(A& actor, Column&& column) {
  each(column, "pid", actor.pid, "tid", actor.tid, "start_time", actor.start_time, "ppid",
       actor.ppid, "comm", actor.comm, "exe", actor.exe, "cmdline", actor.cmdline);
}

template <typename P, typename Column>
void process_columns(P& process, Column&& column) {
  each(column, "pid", process.pid, "start_time", process.start_time, "comm", process.comm, "exe",
       process.exe, "cmdline", process.cmdline);
}

struct NameList {
  std::string_view table;
  std::string text;

  void add(std::string_view before, std::string_view name) {
    if (!text.empty()) text += ", ";
    text.append(table).append(before).append(name);
  }
  template <typename T>
  void operator()(std::string_view name, const T& /*value*/) {
    add("", name);
  }
  void operator()(std::string_view name, const std::optional<Ownership>& /*value*/) {
    for (const auto* each : {"uid_", "gid_", "mode_"}) add(each, name);
  }
  void operator()(std::string_view /*name*/, const std::optional<ObjectTimes>& /*value*/) {
    for (const auto* each : {"size", "modified", "changed", "born"}) add("", each);
  }
};

struct ValueWriter {
  Fields& fields;

  template <typename T>
  void operator()(std::string_view /*name*/, const T& value) {
    fields.add(value);
  }
};

void read(Statement& row, std::string& value) {
  value = row.bytes();
}
void read(Statement& row, std::optional<std::string>& value) {
  value = row.bytes_if_any();
}
void read(Statement& row, std::chrono::system_clock::time_point& value) {
  value = time_of(row.number());
}
void read(Statement& row, std::optional<Ownership>& value) {
  value = read_ownership(row);
}

void read(Statement& row, std::optional<ObjectTimes>& value) {
  const auto size = row.number_if_any();
  ObjectTimes times;
  for (auto* each : {&times.modified, &times.changed, &times.born})
    *each = row.number_if_any().value_or(0);
  value.reset();
  if (!size) return;
  times.size = static_cast<std::uint64_t>(*size);
  value = times;
}

template <typename T>
T number_as(std::int64_t number) {
  if constexpr (std::is_arithmetic_v<T>)
    return static_cast<T>(number);
  else
    return T{static_cast<std::uint32_t>(number)};
}

template <typename T>
void read(Statement& row, T& value) {
  const auto number = row.number();
  if constexpr (std::is_enum_v<T>) {
    // A word of a newer guardd leaves the default.
    if (number >= 0 && number < static_cast<std::int64_t>(Words<T>::kAll.size()))
      value = static_cast<T>(number);
  } else {
    value = number_as<T>(number);
  }
}
template <typename T>
void read(Statement& row, std::optional<T>& value) {
  const auto number = row.number_if_any();
  value = number ? std::optional(number_as<T>(*number)) : std::nullopt;
}

struct ValueReader {
  Statement& row;

  template <typename T>
  void operator()(std::string_view /*name*/, T& value) {
    read(row, value);
  }
};

ColumnNames names_in(std::string_view own, std::string_view segment, std::string_view kind,
                     std::string_view setting, std::string_view actor) {
  const Violation violation;
  const auto list = [](std::string_view table, auto columns, const auto& record) {
    NameList names{table, {}};
    columns(record, names);
    return std::move(names).text;
  };
  ColumnNames names;
  names.own = list(
      own, [](auto& v, auto& c) { own_columns(v, c); }, violation);
  names.segment = list(
      segment, [](auto& v, auto& c) { segment_columns(v, *v.actor, c); }, violation);
  names.kind = list(
      kind, [](auto& v, auto& c) { kind_columns(v, c); }, violation);
  names.setting = list(
      setting, [](auto& v, auto& c) { setting_columns(v, c); }, *violation.actor);
  names.actor = list(
      actor, [](auto& v, auto& c) { actor_columns(v, c); }, *violation.actor);
  names.process = list(
      "", [](auto& v, auto& c) { process_columns(v, c); }, Ancestor());
  return names;
}

template <typename Number>
void append(std::string& key, Number number) {
  key.append(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace

void Fields::add(const std::optional<Ownership>& state) {
  add(state ? std::optional(state->uid) : std::nullopt);
  add(state ? std::optional(state->gid) : std::nullopt);
  add(state ? std::optional(state->mode) : std::nullopt);
}

void Fields::add(const std::optional<ObjectTimes>& times) {
  add(times ? std::optional(times->size) : std::nullopt);
  add(times ? std::optional(times->modified) : std::nullopt);
  add(times ? std::optional(times->changed) : std::nullopt);
  add(times ? std::optional(times->born) : std::nullopt);
}

void Fields::bind_to(Statement& statement) const {
  for (const auto& value : values_) {
    if (const auto* number = std::get_if<std::int64_t>(&value))
      statement.bind(*number);
    else if (const auto* bytes = std::get_if<std::string_view>(&value))
      statement.bind(*bytes);
    else
      statement.bind_null();
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

ColumnNames column_names() {
  return names_in("", "", "", "", "");
}

Fields segment_fields(const Violation& violation) {
  Fields fields;
  segment_columns(violation, *violation.actor, ValueWriter{fields});
  return fields;
}

Fields kind_fields(const Violation& violation) {
  Fields fields;
  kind_columns(violation, ValueWriter{fields});
  return fields;
}

Fields setting_fields(const Actor& actor) {
  Fields fields;
  setting_columns(actor, ValueWriter{fields});
  return fields;
}

Fields actor_fields(const Actor& actor, std::int64_t setting, std::optional<std::int64_t> parent,
                    std::int64_t command) {
  Fields fields;
  actor_columns(actor, ValueWriter{fields});
  fields.add(setting);
  fields.add(parent);
  fields.add(command);
  return fields;
}

Fields process_fields(const Ancestor& process) {
  Fields fields;
  process_columns(process, ValueWriter{fields});
  return fields;
}

Fields command_fields(const Ancestor& command) {
  auto fields = process_fields(command);
  fields.add(command.cwd);
  return fields;
}

Fields ancestor_fields(const Ancestor& process, std::optional<std::int64_t> parent) {
  auto fields = process_fields(process);
  fields.add(parent);
  return fields;
}

Fields own_fields(const Violation& violation, const SegmentPlace& place) {
  Fields fields;
  fields.add(place.segment);
  fields.add(place.kind);
  fields.add(place.actor);
  own_columns(violation, ValueWriter{fields});
  return fields;
}

std::string violation_columns() {
  const auto names = names_in("v.", "c.", "k.", "s.", "a.");
  return names.own + ", i.name, " + names.segment + ", " + names.kind + ", " + names.setting +
         ", " + names.actor +
         ", v.chapter, a.parent, m.pid, m.start_time, m.comm, m.exe, m.cmdline, m.cwd";
}

const char* const kViolationJoins =
    "CROSS JOIN kinds k ON k.chapter = v.chapter AND k.number = v.kind "
    "CROSS JOIN actors a ON a.chapter = v.chapter AND a.number = v.actor "
    "CROSS JOIN settings s ON s.chapter = v.chapter AND s.number = a.setting "
    "LEFT JOIN commands m ON m.chapter = v.chapter AND m.number = a.command ";

std::optional<Ownership> read_ownership(Statement& row) {
  std::optional<Uid> uid;
  std::optional<Gid> gid;
  std::optional<Mode> mode;
  read(row, uid);
  read(row, gid);
  read(row, mode);
  if (!uid || !gid || !mode) return std::nullopt;
  return Ownership{*uid, *gid, *mode};
}

LineageStart read_violation(Statement& row, Violation& violation, Actor& actor) {
  ValueReader reader{row};
  own_columns(violation, reader);
  read(row, violation.incident);
  segment_columns(violation, actor, reader);
  kind_columns(violation, reader);
  setting_columns(actor, reader);
  actor_columns(actor, reader);
  LineageStart start;
  start.segment = row.number();
  start.parent = row.number_if_any();
  auto& command = actor.command;
  read_process(row, command);
  command.cwd = row.bytes();
  return start;
}

void read_process(Statement& row, Ancestor& process) {
  process_columns(process, ValueReader{row});
}

// Texts with a NUL after each: none contains one.
std::string commands_bytes(const std::vector<CountedCommand>& commands) {
  std::string bytes;
  for (const auto& [command, count] : commands)
    for (const auto& text :
         {std::to_string(count), std::to_string(command.pid), std::to_string(command.start_time),
          command.comm, command.exe, command.cmdline, command.cwd})
      bytes += text + '\0';
  return bytes;
}

std::vector<CountedCommand> commands_in(std::string_view bytes) {
  std::vector<CountedCommand> commands;
  const auto next = [&] {
    const auto text = bytes.substr(0, bytes.find('\0'));
    bytes.remove_prefix(std::min(text.size() + 1, bytes.size()));
    return text;
  };
  while (!bytes.empty() && commands.size() < Incident::kMostCommands) {
    auto& [command, count] = commands.emplace_back();
    count = parse_number<std::uint64_t>(next()).value_or(0);
    command.pid = parse_number<std::int32_t>(next()).value_or(0);
    command.start_time = parse_number<std::uint64_t>(next()).value_or(0);
    for (auto* each : {&command.comm, &command.exe, &command.cmdline, &command.cwd}) *each = next();
  }
  return commands;
}

}  // namespace guard
