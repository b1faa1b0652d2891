// How many rows each policy may add to the audit trail: a flood of one is counted, and not stored
// row by row. Files that are fixed again and again are the first to be left out. Bounded. The
// daemon's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "guardd/base/config.h"
#include "policy/record/record.h"

namespace guard {

class RowBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kMostFixed = 65'536;  // files of a policy that are remembered

  void set_limit(std::uint32_t rows_a_minute) { limit_ = rows_a_minute; }

  // Whether these rows are stored. If not, they are counted.
  bool take(const Violation& violation, std::size_t rows, Time now);

  // A sentence for each policy that has lost rows in the last minute.
  std::vector<std::string> shortcomings(Time now) const;
  std::uint64_t dropped() const { return dropped_; }
  const BeyondLimit& dropped_by_policy() const { return dropped_by_policy_; }
  // Whether shortcomings() has changed since the last call.
  bool work(Time now);
  std::optional<Time> next() const { return next_look_; }  // when to call it

 private:
  struct Account {
    double room = 0;
    Time filled_at;
    std::unordered_set<std::uint64_t> fixed;  // hashes of files that were fixed
    Time fixed_since;
    std::uint64_t dropped = 0;  // with less than a minute in between
    Time dropped_at;            // the last one
    bool was_short = false;     // at the last work()

    bool is_short(Time now) const;
  };

  std::uint32_t limit_ = 120'000;
  std::map<std::string, Account> accounts_;  // by policy
  std::uint64_t dropped_ = 0;
  BeyondLimit dropped_by_policy_;
  std::optional<Time> next_look_;
};

}  // namespace guard
