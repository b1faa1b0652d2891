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

using Getter = FieldValue (*)(const Violation&);

// In the order of kFieldNames.
constexpr std::array<Getter, kFieldNames.size()> kGetters{
    [](const Violation& v) { return text(v.id); },
    [](const Violation& v) { return text(v.incident); },
    [](const Violation& v) -> FieldValue { return v.time; },
    [](const Violation& v) { return text(v.boot_id); },
    [](const Violation& v) { return known(v.monotonic_us); },
    [](const Violation& v) { return text(v.policy); },
    [](const Violation& v) { return path(v.policy_file); },
    [](const Violation& v) { return known(v.policy_line); },
    [](const Violation& v) -> FieldValue { return v.generation; },
    [](const Violation& v) { return text(word(v.backend)); },
    [](const Violation& v) { return text(word(v.severity)); },
    [](const Violation& v) { return text(v.category); },
    [](const Violation& v) { return text(word(v.guard)); },
    [](const Violation& v) { return text(word(v.operation)); },
    [](const Violation& v) { return path(v.path); },
    [](const Violation& v) { return maybe_path(v.old_path); },
    [](const Violation& v) { return known(v.object.device); },
    [](const Violation& v) { return known(v.object.inode); },
    [](const Violation& v) { return text(word(v.file_type)); },
    [](const Violation& v) -> FieldValue { return v.links; },
    [](const Violation& v) { return uid_of(v.before); },
    [](const Violation& v) { return gid_of(v.before); },
    [](const Violation& v) { return mode_of(v.before); },
    [](const Violation& v) { return uid_of(v.after); },
    [](const Violation& v) { return gid_of(v.after); },
    [](const Violation& v) { return mode_of(v.after); },
    [](const Violation& v) -> FieldValue { return std::uint64_t{v.uid_wanted.value}; },
    [](const Violation& v) -> FieldValue { return std::uint64_t{v.gid_wanted.value}; },
    [](const Violation& v) { return mode_of(v.mode_wanted); },
    [](const Violation& v) { return text(word(v.action)); },
    [](const Violation& v) { return text(v.reason); },
    [](const Violation& v) { return number(v.actor.pid); },
    [](const Violation& v) { return number(v.actor.tid); },
    [](const Violation& v) { return number(v.actor.start_time); },
    [](const Violation& v) { return number(v.actor.ppid); },
    [](const Violation& v) { return maybe_text(v.actor.comm); },
    [](const Violation& v) { return maybe_path(v.actor.exe); },
    [](const Violation& v) { return maybe_text(v.actor.cmdline); },
    [](const Violation& v) { return maybe_path(v.actor.cwd); },
    [](const Violation& v) { return maybe_text(v.actor.tty); },
    [](const Violation& v) { return number(v.actor.uid); },
    [](const Violation& v) { return number(v.actor.euid); },
    [](const Violation& v) { return number(v.actor.fsuid); },
    [](const Violation& v) { return number(v.actor.gid); },
    [](const Violation& v) { return number(v.actor.login_uid); },
    [](const Violation& v) { return maybe_text(v.actor.login_user); },
    [](const Violation& v) { return number(v.actor.session); },
    [](const Violation& v) { return maybe_text(v.actor.session_id); },
    [](const Violation& v) { return maybe_text(v.actor.session_service); },
    [](const Violation& v) { return maybe_text(v.actor.session_tty); },
    [](const Violation& v) { return maybe_text(v.actor.session_remote_host); },
    [](const Violation& v) { return maybe_text(v.actor.unit); },
    [](const Violation& v) { return maybe_text(v.actor.slice); },
    [](const Violation& v) { return maybe_text(v.actor.cgroup); },
    [](const Violation& v) { return maybe_text(v.actor.container); },
    [](const Violation& v) { return maybe_text(v.actor.container_runtime); },
    [](const Violation& v) { return number(v.actor.cron_uid); },
    [](const Violation& v) { return maybe_text(v.actor.cron_user); },
    [](const Violation& v) { return maybe_text(v.actor.label); },
    [](const Violation& v) { return lineage_of(v.actor); },
    [](const Violation& v) { return maybe_text(v.actor.human); },
    [](const Violation& v) { return maybe_text(v.actor.human_source); },
    [](const Violation& v) { return maybe_text(v.actor.hint_sudo_user); },
    [](const Violation& v) { return maybe_text(v.actor.hint_ssh); },
};

}  // namespace

bool operator==(LineageValue a, LineageValue b) {
  return std::equal(a.ancestors.begin(), a.ancestors.end(), b.ancestors.begin(), b.ancestors.end());
}

FieldValue field_value(const Violation& violation, std::size_t index) {
  return kGetters[index](violation);
}

FieldSet fields_to_share() {
  FieldSet set;
  set.set();
  for (std::size_t i = 0; i < kFieldNames.size(); ++i)
    for (const std::string_view own : {"id", "incident", "time", "monotonic_us"})
      if (kFieldNames[i] == own) set.reset(i);
  return set;
}

FieldSet common_fields(const Violation& a, const Violation& b, const FieldSet& of) {
  FieldSet common = of;
  for (std::size_t i = 0; i < kFieldNames.size(); ++i)
    if (of[i] && field_value(a, i) != field_value(b, i)) common.reset(i);
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
