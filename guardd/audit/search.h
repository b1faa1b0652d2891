// Finds the violations of the audit trail that match a filter, newest first, without reading many
// others. One thread; the database belongs to the caller.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "guardd/state/database.h"
#include "policy/record/record_filter.h"

namespace guard {

// A piece of SQL with the values to bind.
struct Condition {
  std::string sql;
  std::vector<std::variant<std::int64_t, std::string>> values;

  void add(const std::string& more, std::vector<std::variant<std::int64_t, std::string>> bound);
  void bind_to(Statement& statement) const;
};

// The filter's conditions on segments (c), beginning with " AND"; empty if there are none.
Condition segment_condition(const RecordFilter& filter);
// Its conditions on violations (v), except for the path.
Condition row_condition(const RecordFilter& filter);
// Each finds some of the violations (v) at a path and below it, or at the paths that match a
// pattern; empty: every path.
std::vector<Condition> path_conditions(const std::string& path);
bool is_pattern(std::string_view path);

class Search {
 public:
  struct Key {
    std::int64_t time = 0;
    std::int64_t number = 0;
    friend bool operator<(const Key& a, const Key& b) {
      return a.time < b.time || (a.time == b.time && a.number < b.number);
    }
  };

  Search(Database& database, const RecordFilter& filter);

  // The next keys; empty: there are no more.
  Result<std::vector<Key>> next(std::size_t most);
  Result<std::uint64_t> count();

 private:
  Result<bool> sort_by_path();
  Result<std::vector<Key>> next_by_path(std::size_t most);
  Result<std::vector<Key>> next_by_segment(std::size_t most);
  Result<std::vector<Key>> next_by_time(std::size_t most);
  Condition remaining() const;

  Database& database_;
  Condition segments_;
  Condition rows_;
  std::vector<Condition> paths_;
  std::int64_t since_;
  std::int64_t until_;
  Key cursor_;  // the next key is smaller
  bool has_begun_ = false;
  std::optional<std::vector<Key>> sorted_;  // smallest first
};

}  // namespace guard
