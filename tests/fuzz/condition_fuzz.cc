// The conditions of alerts: a mistake has a place and a message of one printable line, a valid text
// means the same when it is read again, and any violation can be compared. Input: a condition.
#include <cstdint>
#include <string_view>

#include "guardd/condition/condition.h"
#include "policy/base/text.h"
#include "tests/fuzz/require.h"

using guard::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::optional<guard::ConditionError> error;
  const auto condition = guard::parse_condition(text, error);
  if (error) {
    require(error->offset <= text.size(), "no such place", text);
    require(!error->message.empty() && guard::printable(error->message) == error->message,
            "a message that is not printable", error->message);
    return 0;
  }
  const bool is_about_violations = !condition.comparisons.empty() || condition.rate;
  require(is_about_violations != condition.health.has_value(), "about nothing, or both", text);
  const auto again = guard::parse_condition(condition.text, error);
  require(!error && again.comparisons.size() == condition.comparisons.size(), "means two things",
          text);
  guard::Violation violation;
  violation.path = text;
  violation.actor.edit().uid = guard::Uid{0};
  require(condition.is_met_by(violation) == again.is_met_by(violation), "means two things", text);
  return 0;
}
