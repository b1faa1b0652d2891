// What a report shows, however it is drawn: bars over this machine's own time, and what its rows
// are called. Pure but for the names of users and the time zone.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dbus/client/report_reader.h"

namespace guard::ctl {

using Outcomes = decltype(ReportSpan::told);

std::uint64_t sum_of(const Outcomes& outcomes);

// What became of it, in the order in which it is shown: what asks for attention comes last.
inline constexpr std::array kShownOutcomes{Outcome::kFixed, Outcome::kDenied, Outcome::kLogged,
                                           Outcome::kSkipped};

struct Bar {
  std::string label;  // when it begins
  Outcomes told{};
};

struct Timeline {
  std::vector<Bar> bars;  // without gaps
  std::string each;       // what a bar is: "hour", "6 hours", "day", "7 days"
};

// Between which moments: as asked, else of the first and of the last that happened.
struct Range {
  using TimePoint = Tally::TimePoint;
  TimePoint from;
  TimePoint to;
};

Timeline timeline_of(const Report& report, const Range& range, std::size_t most_bars);

// By hour of the day; nothing where the spans are longer than an hour.
std::vector<Outcomes> hours_of(const Report& report);

// The tables of a report in the order in which they are shown.
struct ShownTable {
  std::string_view heading;
  const ReportTable* table;
  std::string_view others;  // "policies"
  bool is_typed = false;    // what people type: commands and paths
};
std::vector<ShownTable> tables_of(const bus::ReceivedReport& report);

// What a row is called: raw where it comes from disk.
std::string name_of(const ReportRow& row);

// "14 %", "< 1 %"
std::string share_text(std::uint64_t part, std::uint64_t whole);

}  // namespace guard::ctl
