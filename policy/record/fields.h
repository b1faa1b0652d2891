// The fields of a record one by one, by the names of the contract: for whoever writes them down,
// so that JSON, journal, bus and audit trail cannot drift apart. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "policy/record/record.h"

namespace guard {

// What a field holds. Text is a word of ours or what the system calls something; a path is bytes.
// A value looks into the violation it came from.
struct TextValue {
  std::string_view text;
  friend bool operator==(TextValue, TextValue) = default;
};
struct PathValue {
  std::string_view bytes;
  friend bool operator==(PathValue, PathValue) = default;
};
struct LineageValue {
  std::span<const Ancestor> ancestors;
  friend bool operator==(LineageValue a, LineageValue b);
};
using TimePoint = std::chrono::system_clock::time_point;
using FieldValue = std::variant<std::monostate, std::uint64_t, TextValue, PathValue, Mode,
                                TimePoint, LineageValue>;

// Whoever writes records cuts longer ones. Sixty directories deep with the longest names there are
// is said in full.
inline constexpr std::size_t kLongestPath = 20'000;
inline constexpr std::size_t kLongestText = 4'096;

// RFC 3339, UTC, with microseconds.
std::string rfc3339(TimePoint time);

// The value of the field kFieldNames[index]; monostate where it is absent.
FieldValue field_value(const Violation& violation, std::size_t index);

// Calls visit(name, value) for each field that is there and in the set, in the contract's order.
template <typename Visit>
void each_field(const Violation& violation, const FieldSet& set, Visit visit) {
  for (std::size_t i = 0; i < kFieldNames.size(); ++i) {
    if (!set[i]) continue;
    const auto value = field_value(violation, i);
    if (!std::holds_alternative<std::monostate>(value)) visit(kFieldNames[i], value);
  }
}

// All that an incident may share with its violations: not what belongs to one of them alone.
FieldSet fields_to_share();

// Which of these fields two violations have in common, absent in both included.
FieldSet common_fields(const Violation& a, const Violation& b, const FieldSet& of);

}  // namespace guard
