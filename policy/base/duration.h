// Lengths of time as people write them in systemd files: "250ms", "2s", "1min 30s", "90d".
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "policy/base/result.h"

namespace guard {

using Duration = std::chrono::microseconds;

// A number without a unit is refused: nobody remembers whether it means seconds or milliseconds.
Result<Duration> parse_duration(std::string_view text);

// The shortest exact form that parse_duration reads back: "250ms", "1min 30s", "0s".
std::string format_duration(Duration duration);

}  // namespace guard
