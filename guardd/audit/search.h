// Which violations of the audit trail match a filter, newest first, without looking at many that do
// not. One thread; the database is the caller's.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "guardd/state/database.h"
#include "policy/record/record.h"

namespace guard {

// What is empty is not asked for.
struct TrailFilter {
  std::optional<std::chrono::system_clock::time_point> since;
  std::optional<std::chrono::system_clock::time_point> until;  // before this
  std::string policy;
  std::string person;                // the login's name or number, or the person behind it
  std::optional<Severity> severity;  // at least
  std::string path;                  // this and what is below
  std::string command;   // of the incident: its program or its name, or how its line begins
  std::string incident;  // its id
  std::size_t limit = 0;
};

// A piece of SQL with what is to be bound to it.
struct Condition {
  std::string sql;
  std::vector<std::variant<std::int64_t, std::string>> values;

  void add(const std::string& more, std::vector<std::variant<std::int64_t, std::string>> bound);
  void bind_to(Statement& statement) const;
};

// What the filter asks of chapters (c), beginning with " AND"; empty if it asks nothing of them.
Condition chapter_condition(const TrailFilter& filter);
// The two ranges of path that hold a path and what is below it; none: every path.
std::vector<Condition> path_conditions(const std::string& path);

class Search {
 public:
  struct Key {
    std::int64_t time = 0;
    std::int64_t number = 0;
    friend bool operator<(const Key& a, const Key& b) {
      return a.time < b.time || (a.time == b.time && a.number < b.number);
    }
  };

  Search(Database& database, const TrailFilter& filter);

  // The next ones; none: that was all.
  Result<std::vector<Key>> next(std::size_t most);
  Result<std::uint64_t> count();

 private:
  Result<bool> sort_by_path();
  Result<std::vector<Key>> next_by_path(std::size_t most);
  Result<std::vector<Key>> next_by_chapter(std::size_t most);
  Result<std::vector<Key>> next_by_time(std::size_t most);
  Condition remaining() const;

  Database& database_;
  Condition chapters_;
  std::vector<Condition> paths_;
  std::int64_t since_;
  std::int64_t until_;
  Key cursor_;  // the next is less
  bool has_begun_ = false;
  std::optional<std::vector<Key>> sorted_;  // the least first
};

}  // namespace guard
