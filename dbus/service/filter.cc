#include "dbus/service/filter.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "policy/base/text.h"

namespace guard::bus {
namespace {

constexpr std::size_t kMostLimit = 1'000;
constexpr std::size_t kLongestName = 4'096;

void take_text(Filter& filter, std::string_view key, std::string_view value) {
  auto& asked = filter.asked;
  if (value.size() > kLongestName) {
    filter.error = quote(key) + " is too long";
  } else if (key == "severity") {
    asked.severity = parse_word<Severity>(value);
    if (!asked.severity) filter.error = "unknown severity " + quote(value);
  } else if (key == "outcome") {
    asked.outcome = parse_word<Outcome>(value);
    if (!asked.outcome) filter.error = "unknown outcome " + quote(value);
  } else {
    auto& place = key == "policy"     ? asked.policy
                  : key == "login"    ? asked.login
                  : key == "path"     ? asked.path
                  : key == "command"  ? asked.command
                  : key == "category" ? asked.category
                  : key == "unit"     ? asked.unit
                                      : asked.incident;
    place = value;
  }
}

void take_number(Filter& filter, std::string_view key, std::uint64_t value) {
  if (key == "limit") {
    filter.asked.limit = std::min<std::uint64_t>(value, kMostLimit);
    return;
  }
  using std::chrono::microseconds;
  constexpr auto kLatest = static_cast<std::uint64_t>(INT64_MAX / 1000);  // in nanoseconds
  const std::chrono::system_clock::time_point time(
      microseconds(static_cast<std::int64_t>(std::min(value, kLatest))));
  (key == "since" ? filter.asked.since : filter.asked.until) = time;
}

constexpr std::array<std::string_view, 12> kKeys{"since",    "until", "policy",   "login",
                                                 "severity", "path",  "command",  "category",
                                                 "outcome",  "unit",  "incident", "limit"};

// Reads one entry. False: it cannot be read.
bool take_entry(Filter& filter, sd_bus_message* message) {
  const char* key = nullptr;
  const char* contents = nullptr;
  char type = 0;
  if (sd_bus_message_read(message, "s", &key) < 0 ||
      sd_bus_message_peek_type(message, &type, &contents) < 0 || type != SD_BUS_TYPE_VARIANT)
    return false;
  const std::string_view name = key;
  const bool is_known = std::find(kKeys.begin(), kKeys.end(), name) != kKeys.end();
  const bool is_number = name == "since" || name == "until" || name == "limit";
  const std::string_view kind = contents;
  if (!is_known) {
    filter.error = "unknown filter key " + quote(name) + did_you_mean(name, kKeys);
  } else if (is_number && kind == "t") {
    std::uint64_t value = 0;
    if (sd_bus_message_read(message, "v", "t", &value) < 0) return false;
    take_number(filter, name, value);
    return true;
  } else if (is_number && kind == "u") {
    std::uint32_t value = 0;
    if (sd_bus_message_read(message, "v", "u", &value) < 0) return false;
    take_number(filter, name, value);
    return true;
  } else if (!is_number && kind == "s") {
    const char* value = nullptr;
    if (sd_bus_message_read(message, "v", "s", &value) < 0) return false;
    take_text(filter, name, value);
    return true;
  } else {
    filter.error = quote(name) + (is_number ? " is a number: t or u" : " is a text: s");
  }
  return sd_bus_message_skip(message, "v") >= 0;
}

}  // namespace

Filter read_filter(sd_bus_message* message, std::size_t usual) {
  Filter filter;
  filter.asked.limit = usual;
  bool good = sd_bus_message_enter_container(message, 'a', "{sv}") >= 0;
  while (good && filter.error.empty()) {
    const int more = sd_bus_message_enter_container(message, 'e', "sv");
    if (more == 0) return filter;
    good = more > 0 && take_entry(filter, message) && sd_bus_message_exit_container(message) >= 0;
  }
  if (filter.error.empty()) filter.error = "the filter cannot be read";
  return filter;
}

}  // namespace guard::bus
