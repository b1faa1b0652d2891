// Finds the most frequent keys within bounded memory. If there are too many keys, the rare half is
// merged into "others". Frequent keys are kept and counted almost completely. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/record/report.h"

namespace guard {

// A tally that counts incidents even if their violations alternate.
struct RankedRow {
  Tally tally;
  std::array<std::int64_t, 4> recent{-1, -1, -1, -1};  // incidents
  std::uint8_t next = 0;

  void add(Tally::TimePoint time, Outcome outcome, std::uint64_t count, std::int64_t incident) {
    tally.add(time, outcome, count);
    if (std::find(recent.begin(), recent.end(), incident) != recent.end()) return;
    recent[next] = incident;
    next = static_cast<std::uint8_t>((next + 1U) % recent.size());
    ++tally.incidents;
  }
};

// Adds everything except the incidents, because two tallies can share some of them.
void add_to(Tally& sum, const Tally& tally);

class Ranking {
 public:
  using Index = std::uint32_t;
  static constexpr std::size_t kMost = 4'096;

  // Valid until the next make_room().
  Index index_of(const std::string& key, const std::string& kind = {});
  void add(Index index, Tally::TimePoint time, Outcome outcome, std::uint64_t count,
           std::int64_t incident) {
    entries_[index].counted.add(time, outcome, count, incident);
  }
  void make_room();

  ReportTable table(std::size_t most) const;

 private:
  struct Entry {
    std::string key;
    std::string kind;
    RankedRow counted;
  };
  std::unordered_map<std::string, Index> places_;
  std::vector<Entry> entries_;
  Tally forgotten_;
  std::uint64_t forgotten_keys_ = 0;
};

}  // namespace guard
