#include "guardd/audit/trim.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "guardd/audit/columns.h"

namespace guard {
namespace {

constexpr std::int64_t kStep = 500;       // violations
constexpr std::int64_t kSegments = 64;    // checked per step
constexpr std::int64_t kVacuum = 256;     // pages
constexpr std::int64_t kSlack = kVacuum;  // free pages kept for new records

#define GUARD_OLDEST "(SELECT number FROM violations WHERE time < ? ORDER BY time LIMIT ?)"
constexpr std::array<const char*, 2> kRemoveViolations{
    "DELETE FROM fixed_files WHERE violation IN " GUARD_OLDEST,
    "DELETE FROM violations WHERE number IN " GUARD_OLDEST};
#undef GUARD_OLDEST

// The policy with most, and how much it has.
constexpr const char* kLargest =
    "SELECT policy, bytes FROM policy_sizes ORDER BY bytes DESC LIMIT 1";

// Its oldest violations are in the segment that ended first.
#define GUARD_OLDEST_OF                                                                     \
  "(SELECT number FROM violations WHERE chapter = (SELECT c.number FROM chapters c WHERE "  \
  "c.policy IS ?1 AND EXISTS (SELECT 1 FROM violations WHERE chapter = c.number) ORDER BY " \
  "c.last_time LIMIT 1) ORDER BY time LIMIT ?2)"
constexpr std::array<const char*, 2> kRemoveViolationsOf{
    "DELETE FROM fixed_files WHERE violation IN " GUARD_OLDEST_OF,
    "DELETE FROM violations WHERE number IN " GUARD_OLDEST_OF};
#undef GUARD_OLDEST_OF

// An incident is removed with its first segment.
constexpr const char* kRemoveIncident =
    "DELETE FROM incidents WHERE number = (SELECT incident FROM chapters WHERE number = ?1) "
    "AND chapter = ?1";
constexpr std::array<const char*, 7> kRemoveSegment{kRemoveIncident,
                                                    "DELETE FROM kinds WHERE chapter = ?",
                                                    "DELETE FROM actors WHERE chapter = ?",
                                                    "DELETE FROM settings WHERE chapter = ?",
                                                    "DELETE FROM ancestors WHERE chapter = ?",
                                                    "DELETE FROM commands WHERE chapter = ?",
                                                    "DELETE FROM chapters WHERE number = ?"};

struct Pages {
  std::int64_t all = 0;
  std::int64_t free = 0;
  std::int64_t most = 0;

  bool too_many_used() const { return all - free > most; }
  bool worth_a_vacuum() const { return free > 0 && (all > most || free > all / 8 + kSlack); }
};

Result<Pages> pages_of(Database& database, std::uint64_t bytes) {
  Pages pages;
  GUARD_TRY(pages.all, database.number("PRAGMA page_count"));
  GUARD_TRY(pages.free, database.number("PRAGMA freelist_count"));
  GUARD_TRY(const auto size, database.number("PRAGMA page_size"));
  pages.most = static_cast<std::int64_t>(bytes) / (size > 0 ? size : 4096);
  return pages;
}

// `which`: what the statements take first, a time or a policy.
template <typename Which>
Result<std::int64_t> remove_violations(Database& database,
                                       const std::array<const char*, 2>& statements,
                                       const Which& which) {
  for (const char* sql : statements) {
    GUARD_TRY(auto remove, database.prepare(sql));
    remove.bind(which);
    remove.bind(kStep);
    GUARD_CHECK(remove.run());
  }
  return database.changes();
}

Status remove_segment(Database& database, std::int64_t segment) {
  for (const char* sql : kRemoveSegment) {
    GUARD_TRY(auto remove, database.prepare(sql));
    remove.bind(segment);
    GUARD_CHECK(remove.run());
  }
  return {};
}

// Removes segments that ended before this time and have no violations left, and returns their
// number. The first segment of an incident identifies it, and is removed last. `policy`: only its
// segments.
Result<std::size_t> remove_segments(Database& database, std::int64_t before,
                                    const std::optional<std::string>& policy,
                                    const std::function<bool(std::int64_t)>& is_in_use) {
  GUARD_TRY(
      auto empty,
      database.prepare(
          "SELECT number FROM chapters c WHERE last_time < ?1 AND (?2 IS NULL OR policy IS ?2) AND "
          "NOT EXISTS (SELECT 1 FROM violations WHERE chapter = c.number) AND NOT EXISTS (SELECT 1 "
          "FROM incidents i JOIN chapters o ON o.incident = i.number WHERE i.number = c.incident "
          "AND i.chapter = c.number AND o.number <> c.number) ORDER BY last_time LIMIT ?3"));
  empty.bind(before);
  empty.bind(policy);
  empty.bind(kSegments);
  std::vector<std::int64_t> segments;
  for (;;) {
    GUARD_TRY(const bool more, empty.next());
    if (!more) break;
    const auto segment = empty.number();
    if (!is_in_use(segment)) segments.push_back(segment);
  }
  empty.reset();
  for (const auto segment : segments) GUARD_CHECK(remove_segment(database, segment));
  return segments.size();
}

// First removes what removed violations left behind, so that no violation is removed too early.
Result<bool> remove_some(Database& database, const TrimTo& to, bool too_much,
                         const std::function<bool(std::int64_t)>& is_in_use) {
  const auto before = to.since;
  GUARD_TRY(auto oldest, database.prepare("SELECT time FROM violations ORDER BY time LIMIT 1"));
  GUARD_TRY(const bool any, oldest.next());
  const auto horizon = any ? oldest.number() : before;
  oldest.reset();
  GUARD_TRY(const auto segments, remove_segments(database, horizon, std::nullopt, is_in_use));
  if (segments > 0) return true;
  GUARD_TRY(const auto violations, remove_violations(database, kRemoveViolations, before));
  if (violations > 0) return true;
  GUARD_TRY(auto largest, database.prepare(kLargest));
  GUARD_TRY(const bool is_there, largest.next());
  if (!is_there) return false;
  const auto policy = largest.bytes();
  const auto bytes = static_cast<std::uint64_t>(largest.number());
  largest.reset();
  const bool is_too_large = to.policy_bytes > 0 && bytes > to.policy_bytes;
  if (!too_much && !is_too_large) return false;
  GUARD_TRY(const auto empty, remove_segments(database, kEver, policy, is_in_use));
  if (empty > 0) return true;
  GUARD_TRY(const auto removed, remove_violations(database, kRemoveViolationsOf, policy));
  if (is_too_large && to.excess && removed > 0)
    to.excess(policy, static_cast<std::uint64_t>(removed));
  return removed > 0;
}

}  // namespace

Result<bool> trim_step(Database& database, const TrimTo& to,
                       const std::function<bool(std::int64_t)>& is_in_use) {
  GUARD_TRY(auto pages, pages_of(database, to.bytes));
  GUARD_CHECK(database.run("BEGIN IMMEDIATE"));
  auto removed = remove_some(database, to, pages.too_many_used(), is_in_use);
  auto done = removed ? database.run("COMMIT") : Status(removed.error());
  if (!done) {
    (void)database.run("ROLLBACK");  // SQLite may have done so by itself
    return std::move(done).error();
  }
  GUARD_TRY(pages, pages_of(database, to.bytes));
  if (!pages.worth_a_vacuum()) return *removed;
  const auto vacuum = "PRAGMA incremental_vacuum(" + std::to_string(kVacuum) + ")";
  GUARD_CHECK(database.run(vacuum.c_str()));
  return true;
}

}  // namespace guard
