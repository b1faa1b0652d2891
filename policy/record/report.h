// Totals of a period of time: by actor, command, path and time. Plain data; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "policy/record/record.h"

namespace guard {

struct Tally {
  using TimePoint = std::chrono::system_clock::time_point;

  std::uint64_t violations = 0;
  std::uint64_t incidents = 0;
  std::array<std::uint64_t, Words<Outcome>::kAll.size()> by_outcome{};
  TimePoint first = TimePoint::max();  // later than `last`: nothing was counted
  TimePoint last = TimePoint::min();

  std::uint64_t of(Outcome outcome) const { return by_outcome[static_cast<std::size_t>(outcome)]; }
  void add(TimePoint time, Outcome outcome, std::uint64_t count) {
    violations += count;
    by_outcome[static_cast<std::size_t>(outcome)] += count;
    first = std::min(first, time);
    last = std::max(last, time);
  }
};

struct ReportRow {
  std::string key;   // raw bytes
  std::string kind;  // for actors: person, service, user, or empty if unknown
  Tally tally;
  bool is_rest = false;  // for paths: everything below without a row of its own
};

// Highest count first. If there were too many keys to remember, rows of rare keys can be too low;
// `others` contains the difference, so the sum is always correct.
struct ReportTable {
  std::vector<ReportRow> rows;
  Tally others;            // its number of incidents is unknown
  std::uint64_t more = 0;  // the least number of keys in `others`
};

struct ReportSpan {
  Tally::TimePoint begin;
  std::array<std::uint64_t, Words<Outcome>::kAll.size()> by_outcome{};
};

struct Report {
  Tally all;
  ReportTable policies;
  ReportTable people;
  ReportTable programs;
  ReportTable commands;  // typed commands: not visible to every user
  ReportTable paths;     // directories or files, each with enough counts for a row
  ReportTable operations;
  ReportTable categories;
  std::chrono::seconds step{3600};  // the length of a span
  std::vector<ReportSpan> spans;    // the spans that are not empty, in order
  // The oldest record in the trail, if any.
  std::optional<Tally::TimePoint> oldest;
};

}  // namespace guard
