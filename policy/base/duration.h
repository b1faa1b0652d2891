// Durations as written in systemd files: "250ms", "2s", "1min 30s", "90d".
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "policy/base/result.h"

namespace guard {

using Duration = std::chrono::microseconds;

// Rejects a number without a unit, because it could mean seconds or milliseconds.
Result<Duration> parse_duration(std::string_view text);

// The shortest exact form that parse_duration() accepts: "250ms", "1min 30s", "0s".
std::string format_duration(Duration duration);

}  // namespace guard
