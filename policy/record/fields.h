// Iterates over the fields of a record under their contract names, so that JSON, the journal, the
// bus and the audit trail always agree. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "policy/record/record.h"

namespace guard {

// The value of a field. Text is a word of guardd or a name of the system; a path is raw bytes. A
// value refers to the violation it came from.
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
struct ProcessValue {
  const Ancestor* process;
  friend bool operator==(ProcessValue a, ProcessValue b) { return *a.process == *b.process; }
};
struct ListValue {
  std::span<const std::string> texts;
  friend bool operator==(ListValue a, ListValue b);
};
using TimePoint = std::chrono::system_clock::time_point;
using FieldValue = std::variant<std::monostate, std::uint64_t, TextValue, PathValue, Mode,
                                TimePoint, LineageValue, ProcessValue, ListValue>;

// Writers truncate longer values. A path with sixty directories and the longest possible names fits
// completely.
inline constexpr std::size_t kLongestPath = 20'000;
inline constexpr std::size_t kLongestText = 4'096;

// RFC 3339, UTC, with microseconds.
std::string rfc3339(TimePoint time);

// The fields of a violation, with the names of the contract. Their places are stored in the audit
// trail: new fields go to the end.
struct Field {
  std::string_view name;                  // null-terminated
  FieldValue (*value)(const Violation&);  // monostate if it is absent
};
extern const std::array<Field, kFieldCount> kFields;

// Calls visit(name, value) for each present field in the set, in the order of the contract.
template <typename Visit>
void each_field(const Violation& violation, const FieldSet& set, Visit visit) {
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    if (!set[i]) continue;
    const auto value = kFields[i].value(violation);
    if (!std::holds_alternative<std::monostate>(value)) visit(kFields[i].name, value);
  }
}

// The fields that the violations of an incident can have in common.
FieldSet fields_to_share();

// The fields in `of` that are equal, or absent, in both violations.
FieldSet common_fields(const Violation& a, const Violation& b, const FieldSet& of);

}  // namespace guard
