// Points in time as people type them: "2026-03-01", "2026-03-01 14:30", "2026-03-01T14:30:00Z",
// "now", "today", "yesterday", "2h ago" or "-2h". Times without a zone are local. What is before
// 1970 or after 2262 is the first or the last moment in between.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace guard::ctl {

std::optional<std::chrono::system_clock::time_point> parse_moment(
    const std::string& text, std::chrono::system_clock::time_point now);

// "2026-03-01 14:30:00", in local time.
std::string format_moment(std::chrono::system_clock::time_point moment);

}  // namespace guard::ctl
