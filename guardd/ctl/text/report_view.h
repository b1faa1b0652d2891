// The content of a report, for text and HTML: bars in local time, and the names of rows. Pure
// except for looking up user names and the time zone.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dbus/client/report_reader.h"

namespace guard::ctl {

using Outcomes = decltype(ReportSpan::by_outcome);

std::uint64_t sum_of(const Outcomes& outcomes);

// Outcomes in the order in which they are shown: those that need attention come last.
inline constexpr std::array kShownOutcomes{Outcome::kFixed, Outcome::kDenied, Outcome::kLogged,
                                           Outcome::kSkipped};

struct Bar {
  std::string label;  // the time of its begin
  Outcomes outcomes{};
};

struct Timeline {
  std::vector<Bar> bars;  // without gaps
  std::string each;       // the length of a bar: "hour", "6 hours", "day", "7 days"
};

// The period of a report: as requested, or else from the first to the last violation.
struct Range {
  using TimePoint = Tally::TimePoint;
  TimePoint from;
  TimePoint to;
};

Timeline timeline_of(const Report& report, const Range& range, std::size_t most_bars);

// By hour of the day; empty if the spans are longer than an hour.
std::vector<Outcomes> hours_of(const Report& report);

// The tables of a report in the order in which they are shown.
struct ShownTable {
  std::string_view heading;
  const ReportTable* table;
  std::string_view others;  // "policies"
  bool is_typed = false;    // commands and paths
};
std::vector<ShownTable> tables_of(const bus::ReceivedReport& report);

// The name of a row, not escaped yet.
std::string name_of(const ReportRow& row);

// "14 %", "< 1 %"
std::string share_text(std::uint64_t part, std::uint64_t whole);

}  // namespace guard::ctl
