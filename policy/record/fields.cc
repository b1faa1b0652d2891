#include "policy/record/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace guard {
namespace {

FieldValue text(std::string_view value) {
  if (value.empty()) return {};
  return TextValue{value};
}

FieldValue path(std::string_view value) {
  if (value.empty()) return {};
  return PathValue{value};
}

// Numbers for which 0 means unknown.
FieldValue known(std::uint64_t value) {
  if (value == 0) return {};
  return value;
}

FieldValue maybe_text(const std::optional<std::string>& value) {
  return value ? text(*value) : FieldValue();
}

FieldValue maybe_path(const std::optional<std::string>& value) {
  return value ? path(*value) : FieldValue();
}

template <typename Tag>
FieldValue number(const std::optional<Strong<Tag, std::uint32_t>>& value) {
  if (!value) return {};
  return std::uint64_t{value->value};
}

template <typename Number>
FieldValue number(const std::optional<Number>& value) {
  if (!value) return {};
  return static_cast<std::uint64_t>(*value);
}

FieldValue uid_of(const std::optional<Ownership>& state) {
  if (!state) return {};
  return std::uint64_t{state->uid.value};
}
FieldValue gid_of(const std::optional<Ownership>& state) {
  if (!state) return {};
  return std::uint64_t{state->gid.value};
}
FieldValue mode_of(const std::optional<Ownership>& state) {
  if (!state) return {};
  return state->mode;
}
FieldValue mode_of(const std::optional<Mode>& mode) {
  if (!mode) return {};
  return *mode;
}
FieldValue lineage_of(const Actor& actor) {
  if (actor.lineage.empty()) return {};
  return LineageValue{actor.lineage};
}

FieldValue time_of(const std::optional<ObjectTimes>& times, std::int64_t ObjectTimes::*which) {
  if (!times || (*times).*which == 0) return {};
  return TimePoint(
      std::chrono::duration_cast<TimePoint::duration>(std::chrono::nanoseconds((*times).*which)));
}
FieldValue command_of(const Actor& actor) {
  if (actor.command.pid == 0 && actor.command.comm.empty()) return {};
  return ProcessValue{&actor.command};
}
FieldValue list(const std::vector<std::string>& texts) {
  if (texts.empty()) return {};
  return ListValue{texts};
}

}  // namespace

bool operator==(ListValue a, ListValue b) {
  return std::equal(a.texts.begin(), a.texts.end(), b.texts.begin(), b.texts.end());
}

bool operator==(LineageValue a, LineageValue b) {
  return std::equal(a.ancestors.begin(), a.ancestors.end(), b.ancestors.begin(), b.ancestors.end());
}

const std::array<Field, kFieldCount> kFields{{
    // itself
    {"id", [](const Violation& v) { return text(v.id); }},
    {"incident", [](const Violation& v) { return text(v.incident); }},
    {"time", [](const Violation& v) -> FieldValue { return v.time; }},
    {"boot_id", [](const Violation& v) { return text(v.boot_id); }},
    {"monotonic_us", [](const Violation& v) { return known(v.monotonic_us); }},
    {"policy", [](const Violation& v) { return text(v.policy); }},
    {"policy_file", [](const Violation& v) { return path(v.policy_file); }},
    {"policy_line", [](const Violation& v) { return known(v.policy_line); }},
    {"generation", [](const Violation& v) -> FieldValue { return v.generation; }},
    {"backend", [](const Violation& v) { return text(word(v.backend)); }},
    {"severity", [](const Violation& v) { return text(word(v.severity)); }},
    {"category", [](const Violation& v) { return text(v.category); }},
    // what
    {"guard", [](const Violation& v) { return text(word(v.guard)); }},
    {"operation", [](const Violation& v) { return text(word(v.operation)); }},
    {"path", [](const Violation& v) { return path(v.path); }},
    {"old_path", [](const Violation& v) { return maybe_path(v.old_path); }},
    {"device", [](const Violation& v) { return known(v.object.device); }},
    {"inode", [](const Violation& v) { return known(v.object.inode); }},
    {"file_type", [](const Violation& v) { return text(word(v.file_type)); }},
    {"links", [](const Violation& v) -> FieldValue { return v.links; }},
    // state
    {"uid_before", [](const Violation& v) { return uid_of(v.before); }},
    {"gid_before", [](const Violation& v) { return gid_of(v.before); }},
    {"mode_before", [](const Violation& v) { return mode_of(v.before); }},
    {"uid_after", [](const Violation& v) { return uid_of(v.after); }},
    {"gid_after", [](const Violation& v) { return gid_of(v.after); }},
    {"mode_after", [](const Violation& v) { return mode_of(v.after); }},
    {"uid_wanted",
     [](const Violation& v) -> FieldValue { return std::uint64_t{v.uid_wanted.value}; }},
    {"gid_wanted",
     [](const Violation& v) -> FieldValue { return std::uint64_t{v.gid_wanted.value}; }},
    {"mode_wanted", [](const Violation& v) { return mode_of(v.mode_wanted); }},
    // outcome
    {"action", [](const Violation& v) { return text(word(v.action)); }},
    {"reason", [](const Violation& v) { return text(v.reason); }},
    // who
    {"pid", [](const Violation& v) { return number(v.actor->pid); }},
    {"tid", [](const Violation& v) { return number(v.actor->tid); }},
    {"start_time", [](const Violation& v) { return number(v.actor->start_time); }},
    {"ppid", [](const Violation& v) { return number(v.actor->ppid); }},
    {"comm", [](const Violation& v) { return maybe_text(v.actor->comm); }},
    {"exe", [](const Violation& v) { return maybe_path(v.actor->exe); }},
    {"cmdline", [](const Violation& v) { return maybe_text(v.actor->cmdline); }},
    {"cwd", [](const Violation& v) { return maybe_path(v.actor->cwd); }},
    {"tty", [](const Violation& v) { return maybe_text(v.actor->tty); }},
    {"uid", [](const Violation& v) { return number(v.actor->uid); }},
    {"euid", [](const Violation& v) { return number(v.actor->euid); }},
    {"fsuid", [](const Violation& v) { return number(v.actor->fsuid); }},
    {"gid", [](const Violation& v) { return number(v.actor->gid); }},
    // whose login
    {"login_uid", [](const Violation& v) { return number(v.actor->login_uid); }},
    {"login_user", [](const Violation& v) { return maybe_text(v.actor->login_user); }},
    {"session", [](const Violation& v) { return number(v.actor->session); }},
    {"session_id", [](const Violation& v) { return maybe_text(v.actor->session_id); }},
    {"session_service", [](const Violation& v) { return maybe_text(v.actor->session_service); }},
    {"session_tty", [](const Violation& v) { return maybe_text(v.actor->session_tty); }},
    {"session_remote_host",
     [](const Violation& v) { return maybe_text(v.actor->session_remote_host); }},
    // where in the system
    {"unit", [](const Violation& v) { return maybe_text(v.actor->unit); }},
    {"slice", [](const Violation& v) { return maybe_text(v.actor->slice); }},
    {"cgroup", [](const Violation& v) { return maybe_text(v.actor->cgroup); }},
    {"container", [](const Violation& v) { return maybe_text(v.actor->container); }},
    {"container_runtime",
     [](const Violation& v) { return maybe_text(v.actor->container_runtime); }},
    {"cron_uid", [](const Violation& v) { return number(v.actor->cron_uid); }},
    {"cron_user", [](const Violation& v) { return maybe_text(v.actor->cron_user); }},
    // how it came about
    {"label", [](const Violation& v) { return maybe_text(v.actor->label); }},
    {"lineage", [](const Violation& v) { return lineage_of(*v.actor); }},
    {"human", [](const Violation& v) { return maybe_text(v.actor->human); }},
    {"human_source", [](const Violation& v) { return maybe_text(v.actor->human_source); }},
    {"hint_sudo_user", [](const Violation& v) { return maybe_text(v.actor->hint_sudo_user); }},
    {"hint_ssh", [](const Violation& v) { return maybe_text(v.actor->hint_ssh); }},
    // The places of those above are stored in audit trails.
    {"command", [](const Violation& v) { return command_of(*v.actor); }},
    {"via", [](const Violation& v) { return list(v.actor->via); }},
    {"egid", [](const Violation& v) { return number(v.actor->egid); }},
    // the machine
    {"host", [](const Violation& v) { return text(v.host); }},
    {"machine_id", [](const Violation& v) { return text(v.machine_id); }},
    // the object, as guardd found it
    {"size", [](const Violation& v) { return v.times ? FieldValue(v.times->size) : FieldValue(); }},
    {"mtime", [](const Violation& v) { return time_of(v.times, &ObjectTimes::modified); }},
    {"ctime", [](const Violation& v) { return time_of(v.times, &ObjectTimes::changed); }},
    {"btime", [](const Violation& v) { return time_of(v.times, &ObjectTimes::born); }},
    // names
    {"owner_before", [](const Violation& v) { return text(v.owner_before); }},
    {"group_before", [](const Violation& v) { return text(v.group_before); }},
    {"owner_after", [](const Violation& v) { return text(v.owner_after); }},
    {"group_after", [](const Violation& v) { return text(v.group_after); }},
    {"owner_wanted", [](const Violation& v) { return text(v.owner_wanted); }},
    {"group_wanted", [](const Violation& v) { return text(v.group_wanted); }},
    {"uid_name", [](const Violation& v) { return maybe_text(v.actor->uid_name); }},
    {"euid_name", [](const Violation& v) { return maybe_text(v.actor->euid_name); }},
    {"fsuid_name", [](const Violation& v) { return maybe_text(v.actor->fsuid_name); }},
    {"gid_name", [](const Violation& v) { return maybe_text(v.actor->gid_name); }},
    {"egid_name", [](const Violation& v) { return maybe_text(v.actor->egid_name); }},
    {"container_name", [](const Violation& v) { return maybe_text(v.actor->container_name); }},
    {"image", [](const Violation& v) { return maybe_text(v.actor->image); }},
    {"pod", [](const Violation& v) { return maybe_text(v.actor->pod); }},
    {"owner_in_container", [](const Violation& v) { return text(v.owner_in_container); }},
    {"user_in_container", [](const Violation& v) { return text(v.user_in_container); }},
}};

FieldSet fields_to_share() {
  FieldSet set;
  set.set();
  for (std::size_t i = 0; i < kFieldCount; ++i)
    for (const std::string_view own : {"id", "incident", "time", "monotonic_us", "command"})
      if (kFields[i].name == own) set.reset(i);
  return set;
}

FieldSet common_fields(const Violation& a, const Violation& b, const FieldSet& of) {
  FieldSet common = of;
  for (std::size_t i = 0; i < kFieldCount; ++i)
    if (of[i] && kFields[i].value(a) != kFields[i].value(b)) common.reset(i);
  return common;
}

std::string rfc3339(TimePoint time) {
  const auto micros =
      std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
  constexpr std::int64_t kSecond = 1'000'000;
  const auto part = ((micros % kSecond) + kSecond) % kSecond;
  const std::time_t seconds = (micros - part) / kSecond;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, part);
}

}  // namespace guard
