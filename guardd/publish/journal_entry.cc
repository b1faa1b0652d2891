#include "guardd/publish/journal_entry.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "guardd/publish/json_line.h"
#include "policy/base/overloaded.h"
#include "policy/base/text.h"

namespace guard {
namespace {

std::string field_name(std::string_view name, std::string_view more = "") {
  std::string field = "GUARD_";
  for (const char c : name) field += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return field.append(more);
}

// "200 sudo git pull": each ancestor is a separate value, so that journalctl can match it.
std::string ancestor_text(const Ancestor& process) {
  const auto& what = !process.cmdline.empty() ? process.cmdline
                     : !process.comm.empty()  ? process.comm
                                              : process.exe;
  return std::to_string(process.pid) + ' ' + what;
}

}  // namespace

JournalEntry::JournalEntry(std::string_view id, message_id::Priority priority,
                           std::string_view message) {
  datagram_.reserve(2048);
  put("MESSAGE", message);
  put("MESSAGE_ID", id);
  put("PRIORITY", std::to_string(priority));
  put("SYSLOG_IDENTIFIER", "guardd");
}

// "NAME=VALUE\n"; a value that contains a newline is preceded by its length in little endian.
void JournalEntry::put(std::string_view name, std::string_view value) {
  datagram_ += name;
  if (value.find('\n') == std::string_view::npos) {
    datagram_ += '=';
  } else {
    datagram_ += '\n';
    for (unsigned shift = 0; shift < 64; shift += 8)
      datagram_ += static_cast<char>((std::uint64_t{value.size()} >> shift) & 0xffU);
  }
  datagram_ += value;
  datagram_ += '\n';
}

void JournalEntry::cut(std::string_view name, std::string_view& value, std::size_t longest) {
  if (cut_text(value, longest)) truncated_.emplace_back(name);
}

void JournalEntry::text(std::string_view name, std::string_view value) {
  if (value.empty()) return;
  cut(name, value, kLongestText);
  put(field_name(name), is_utf8(value) ? std::string(value) : escaped(value));
}

void JournalEntry::path(std::string_view name, std::string_view bytes) {
  if (bytes.empty()) return;
  cut(name, bytes, kLongestPath);
  if (is_utf8(bytes)) {
    put(field_name(name), bytes);
    return;
  }
  put(field_name(name), escaped(bytes));
  put(field_name(name, "_RAW"), bytes);
}

void JournalEntry::number(std::string_view name, std::uint64_t value) {
  put(field_name(name), std::to_string(value));
}

void JournalEntry::texts(std::string_view name, std::span<const std::string> values) {
  for (const auto& value : values.first(std::min(values.size(), kMostTexts))) text(name, value);
}

void JournalEntry::time(std::string_view name, TimePoint time) {
  put(field_name(name), rfc3339(time));
}

void JournalEntry::field(std::string_view name, const FieldValue& value) {
  std::visit(Overloaded{[](std::monostate) {},  //
                        [&](std::uint64_t number_value) { number(name, number_value); },
                        [&](TextValue words) { text(name, words.text); },
                        [&](PathValue bytes) { path(name, bytes.bytes); },
                        [&](Mode mode) { text(name, fmt::format("{:04o}", mode.value)); },
                        [&](TimePoint point) { time(name, point); },
                        [&](LineageValue lineage) {
                          for (const auto& each : lineage.ancestors)
                            text(name, ancestor_text(each));
                        },
                        [&](ProcessValue one) { ancestor(name, *one.process); },
                        [&](ListValue list) { texts(name, list.texts); }},
             value);
}

void JournalEntry::ancestor(std::string_view name, const Ancestor& process) {
  const std::string prefix = std::string(name) + '_';
  if (process.pid != 0) number(prefix + "pid", static_cast<std::uint64_t>(process.pid));
  if (process.start_time != 0) number(prefix + "start_time", process.start_time);
  text(prefix + "comm", process.comm);
  path(prefix + "exe", process.exe);
  text(prefix + "cmdline", process.cmdline);
  path(prefix + "cwd", process.cwd);
}

void JournalEntry::object(std::int32_t pid) {
  put("OBJECT_PID", std::to_string(pid));
}

std::string JournalEntry::finish() && {
  for (const auto& name : truncated_) put("GUARD_TRUNCATED", name);
  return std::move(datagram_);
}

}  // namespace guard
