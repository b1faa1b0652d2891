// What happened within a time, added up: by whom, with what, where and when. Plain; any thread.
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
  std::array<std::uint64_t, Words<Outcome>::kAll.size()> told{};
  TimePoint first = TimePoint::max();  // later than `last`: there were none
  TimePoint last = TimePoint::min();

  std::uint64_t of(Outcome outcome) const { return told[static_cast<std::size_t>(outcome)]; }
  void add(TimePoint time, Outcome outcome, std::uint64_t count) {
    violations += count;
    told[static_cast<std::size_t>(outcome)] += count;
    first = std::min(first, time);
    last = std::max(last, time);
  }
};

struct ReportRow {
  std::string key;   // raw bytes
  std::string kind;  // of people: person, service, user, or empty where nobody is known
  Tally tally;
  bool is_rest = false;  // of paths: what is below it and has no row of its own
};

// The heaviest first. Where there was too much to remember all of it, the rows of what is rare may
// count too little; `others` counts what they lack, so the sum is always right.
struct ReportTable {
  std::vector<ReportRow> rows;
  Tally others;            // its incidents are not known
  std::uint64_t more = 0;  // how many keys the others have, at least
};

struct ReportSpan {
  Tally::TimePoint begin;
  std::array<std::uint64_t, Words<Outcome>::kAll.size()> told{};
};

struct Report {
  Tally all;
  ReportTable policies;
  ReportTable people;
  ReportTable programs;
  ReportTable commands;  // what was typed: not for everybody
  ReportTable paths;     // directories or files, so that each is worth its row
  ReportTable operations;
  std::chrono::seconds step{3600};  // how long a span is
  std::vector<ReportSpan> spans;    // those in which something happened, the first first
  // How far back the trail reaches, if there is anything in it.
  std::optional<Tally::TimePoint> oldest;
};

}  // namespace guard
