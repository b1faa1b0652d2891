#include "guardd/ctl/ask/moment.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>

#include "policy/base/duration.h"

namespace guard::ctl {
namespace {

using Clock = std::chrono::system_clock;

// The clock's range is narrower than that of the calendar.
Clock::time_point within_range(std::time_t seconds) {
  constexpr auto kLast = std::chrono::floor<std::chrono::seconds>(Clock::duration::max()).count();
  return Clock::from_time_t(std::clamp<std::time_t>(seconds, 0, kLast));
}

Clock::time_point midnight_of(Clock::time_point now, int days_before) {
  const auto seconds = Clock::to_time_t(now);
  std::tm day{};
  ::localtime_r(&seconds, &day);
  day.tm_hour = day.tm_min = day.tm_sec = 0;
  day.tm_mday -= days_before;
  day.tm_isdst = -1;  // let mktime find out
  return Clock::from_time_t(std::mktime(&day));
}

// Uses the first format that matches all of the text.
std::optional<Clock::time_point> by_calendar(const std::string& text) {
  struct Format {
    const char* how;
    bool is_utc;
  };
  constexpr std::array<Format, 7> kFormats{{{"%Y-%m-%dT%H:%M:%SZ", true},
                                            {"%Y-%m-%d %H:%M:%S UTC", true},
                                            {"%Y-%m-%dT%H:%M:%S", false},
                                            {"%Y-%m-%d %H:%M:%S", false},
                                            {"%Y-%m-%dT%H:%M", false},
                                            {"%Y-%m-%d %H:%M", false},
                                            {"%Y-%m-%d", false}}};
  for (const auto& [how, is_utc] : kFormats) {
    std::tm moment{};
    const char* end = ::strptime(text.c_str(), how, &moment);
    if (!end || *end != '\0') continue;
    const int day = moment.tm_mday;
    moment.tm_isdst = -1;
    const auto seconds = is_utc ? ::timegm(&moment) : std::mktime(&moment);
    // Both turn the 31st of February into the 3rd of March.
    if (seconds == -1 || moment.tm_mday != day) return std::nullopt;
    return within_range(seconds);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Clock::time_point> parse_moment(const std::string& text, Clock::time_point now) {
  if (text == "now") return now;
  if (text == "today") return midnight_of(now, 0);
  if (text == "yesterday") return midnight_of(now, 1);
  constexpr std::string_view kAgo = " ago";
  std::string_view before = text;
  if (before.starts_with('-'))
    before.remove_prefix(1);
  else if (before.ends_with(kAgo))
    before.remove_suffix(kAgo.size());
  else
    return by_calendar(text);
  const auto duration = parse_duration(before);
  if (!duration) return std::nullopt;
  if (*duration > std::chrono::floor<Duration>(now.time_since_epoch())) return Clock::time_point();
  return now - std::chrono::duration_cast<Clock::duration>(*duration);
}

std::string format_moment(Clock::time_point moment) {
  const auto seconds = Clock::to_time_t(moment);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local)};
}

}  // namespace guard::ctl
