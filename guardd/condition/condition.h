// The condition of an alert: what it is about, and whether a violation or guardd's health meets it.
// Pure; any thread.
//
//   severity >= high and policy == shop     each such violation
//   more than 50 violations in 10s by one command and outcome != denied
//   health != ok for 5m
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/base/duration.h"
#include "policy/base/result.h"
#include "policy/record/health.h"
#include "policy/record/record.h"

namespace guard {

enum class Comparator : std::uint8_t {
  kEqual,
  kNotEqual,
  kAtLeast,
  kAtMost,
  kMore,
  kLess,
};

template <>
struct Words<Comparator> {
  static constexpr std::array<std::string_view, 6> kAll{"==", "!=", ">=", "<=", ">", "<"};
};

// A field of a violation, and what it is compared with.
struct Comparison {
  std::size_t field = 0;  // its place in kFields
  Comparator comparator = Comparator::kEqual;
  std::string value;
  std::optional<std::uint64_t> number;  // the value as a number, or a severity as its rank
};

// More than `limit` violations within a time.
struct Rate {
  // Whose violations are counted together.
  enum class Group : std::uint8_t { kAll, kCommand, kUser, kPolicy };
  std::uint64_t limit = 0;
  Duration within{0};
  Group group = Group::kAll;
};

struct HealthCondition {
  Comparator comparator = Comparator::kEqual;  // or kNotEqual
  Health health = Health::kOk;
  Duration lasting{0};
};

struct AlertCondition {
  std::string text;                     // as written
  std::vector<Comparison> comparisons;  // a violation meets all of them
  std::optional<Rate> rate;
  std::optional<HealthCondition> health;  // then there are neither comparisons nor a rate

  bool is_met_by(const Violation& violation) const;  // the rate is not looked at
  bool is_met_by(Health now) const;
};

// An absent field equals nothing.
bool is_met(const Comparison& comparison, const Violation& violation);

// What is wrong with a condition, and where: the offset of the word in the text.
struct ConditionError {
  std::size_t offset = 0;
  std::string message;
};

// Without an error in `error`, the result is complete.
AlertCondition parse_condition(std::string_view text, std::optional<ConditionError>& error);

}  // namespace guard
