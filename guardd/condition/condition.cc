#include "guardd/condition/condition.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/base/overloaded.h"
#include "policy/record/fields.h"

namespace guard {
namespace {

template <typename T>
bool holds(Comparator comparator, const T& a, const T& b) {
  switch (comparator) {
    case Comparator::kEqual:
      return a == b;
    case Comparator::kNotEqual:
      return a != b;
    case Comparator::kAtLeast:
      return a >= b;
    case Comparator::kAtMost:
      return a <= b;
    case Comparator::kMore:
      return a > b;
    case Comparator::kLess:
      break;
  }
  return a < b;
}

bool compare_text(const Comparison& comparison, std::string_view text) {
  if (kFields[comparison.field].name != "severity")
    return holds<std::string_view>(comparison.comparator, text, comparison.value);
  const auto severity = parse_word<Severity>(text);
  return severity && comparison.number &&
         holds(comparison.comparator, static_cast<std::uint64_t>(*severity), *comparison.number);
}

}  // namespace

bool is_met(const Comparison& comparison, const Violation& violation) {
  const bool if_unequal = comparison.comparator == Comparator::kNotEqual;
  return std::visit(
      Overloaded{
          [&](std::uint64_t number) {
            return comparison.number ? holds(comparison.comparator, number, *comparison.number)
                                     : if_unequal;
          },
          [&](TextValue text) { return compare_text(comparison, text.text); },
          [&](PathValue path) { return compare_text(comparison, path.bytes); },
          [&](Mode mode) { return compare_text(comparison, fmt::format("{:04o}", mode.value)); },
          // Absent, or nothing that parse_condition() accepts.
          [&](auto&&) { return if_unequal; }},
      kFields[comparison.field].value(violation));
}

bool AlertCondition::is_met_by(const Violation& violation) const {
  return !health && std::all_of(comparisons.begin(), comparisons.end(),
                                [&](const auto& each) { return is_met(each, violation); });
}

bool AlertCondition::is_met_by(Health now) const {
  return health && holds(health->comparator, now, health->health);
}

}  // namespace guard
