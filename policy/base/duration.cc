#include "policy/base/duration.h"

#include <array>
#include <cstdint>

namespace guard {
namespace {

struct Unit {
  std::int64_t microseconds;
  std::array<std::string_view, 4> names;  // format_duration() uses the first
};

constexpr std::array kUnits{
    Unit{604'800'000'000, {"w", "weeks", "week"}},
    Unit{86'400'000'000, {"d", "days", "day"}},
    Unit{3'600'000'000, {"h", "hours", "hour", "hr"}},
    Unit{60'000'000, {"min", "m", "minutes", "minute"}},
    Unit{1'000'000, {"s", "sec", "seconds", "second"}},
    Unit{1'000, {"ms", "msec"}},
    Unit{1, {"us", "usec"}},
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_space(char c) {
  return c == ' ';
}
bool is_letter(char c) {
  return c >= 'a' && c <= 'z';
}

std::string_view take_while(std::string_view& rest, bool (*belongs)(char)) {
  std::size_t length = 0;
  while (length < rest.size() && belongs(rest[length])) ++length;
  const auto taken = rest.substr(0, length);
  rest.remove_prefix(length);
  return taken;
}

const Unit* find_unit(std::string_view name) {
  for (const auto& unit : kUnits)
    for (const auto each : unit.names)
      if (!each.empty() && each == name) return &unit;
  return nullptr;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  constexpr std::string_view kForm =
      "write a number and a unit (us, ms, s, min, h, d, w), as in \"250ms\"";

  std::int64_t total = 0;
  bool any = false;
  for (auto rest = text;;) {
    take_while(rest, is_space);
    if (rest.empty()) break;
    const auto digits = take_while(rest, is_digit);
    if (digits.empty()) return Error(std::string(kForm));
    take_while(rest, is_space);
    const auto name = take_while(rest, is_letter);
    if (name.empty() && (rest.empty() || is_digit(rest.front()))) {
      return Error("the number " + std::string(digits) + " has no unit; " + std::string(kForm));
    }
    const auto* unit = find_unit(name);
    if (!unit) return Error(std::string(kForm));

    std::int64_t number = 0;
    for (const char digit : digits) {
      if (__builtin_mul_overflow(number, 10, &number) ||
          __builtin_add_overflow(number, digit - '0', &number)) {
        return Error("this duration is too long");
      }
    }
    std::int64_t length = 0;
    if (__builtin_mul_overflow(number, unit->microseconds, &length) ||
        __builtin_add_overflow(total, length, &total)) {
      return Error("this duration is too long");
    }
    any = true;
  }
  if (!any) return Error("it is empty; " + std::string(kForm));
  return Duration(total);
}

std::string format_duration(Duration duration) {
  auto left = duration.count();
  if (left <= 0) return "0s";
  std::string text;
  for (const auto& unit : kUnits) {
    const auto number = left / unit.microseconds;
    if (number == 0) continue;
    left -= number * unit.microseconds;
    if (!text.empty()) text += ' ';
    text += std::to_string(number);
    text += unit.names.front();
  }
  return text;
}

}  // namespace guard
