// The audit trail as it is written: entries into rows, what they have in common once. Owns the
// database and what it remembers of the incidents that are open. Knows no queue and no clock. The
// trail's thread.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "guardd/audit/columns.h"
#include "guardd/audit/trim.h"
#include "guardd/state/database.h"

namespace guard {

// How an incident stands, as far as that changes.
struct IncidentStanding {
  std::uint64_t count = 0;
  std::chrono::system_clock::time_point first_seen;
  std::chrono::system_clock::time_point last_seen;
  std::array<std::uint64_t, Words<Outcome>::kAll.size()> told{};
  FieldSet shared;
  std::vector<std::string> sample;  // empty: as it was
};

struct OpenedIncident {
  Incident incident;
};
struct KeptViolation {
  Violation violation;
  IncidentStanding standing;
};
struct ClosedIncident {
  Incident incident;
};
using TrailEntry = std::variant<OpenedIncident, KeptViolation, ClosedIncident>;
using TrailEntries = std::deque<TrailEntry>;

class TrailWriter {
 public:
  static Result<std::unique_ptr<TrailWriter>> open(const std::string& path);
  ~TrailWriter();
  TrailWriter(const TrailWriter&) = delete;
  TrailWriter& operator=(const TrailWriter&) = delete;

  // TrailEntries [from, to): all of them or none.
  Status write(const TrailEntries& entries, std::size_t from, std::size_t to);

  // What is open is of a guardd that was killed, and will not be closed by it.
  Status close_left_open();

  // A small step of removing what is too old or too much; true: it is worth another.
  Result<bool> trim(const TrimTo& to);
  // Folds the log into the database, as far as nobody reads what it would replace.
  Status fold();

  // The greatest names in it; empty: none.
  Result<std::string> last_incident();
  Result<std::string> last_violation();

 private:
  using Numbers = std::unordered_map<std::string, std::int64_t>;
  // A part of an incident, with what was written of it already.
  struct Segment {
    std::int64_t number = 0;
    std::int64_t first_time = 0;
    std::int64_t last_time = 0;
    bool is_changed = false;
    Numbers kinds, actors, settings, ancestors;
  };
  struct OpenIncident {
    std::int64_t number = 0;
    bool is_changed = false;
    IncidentStanding standing;
    std::unordered_map<std::string, Segment> chapters;
  };
  struct Statements;

  TrailWriter(std::string path, Database database, std::unique_ptr<Statements> statements);

  Status write_all(const TrailEntries& entries, std::size_t from, std::size_t to);
  Status put(const OpenedIncident& entry);
  Status put(const KeptViolation& entry);
  Status put(const ClosedIncident& entry);
  Result<OpenIncident*> incident_of(const Violation& first, const Ancestor& command);
  Result<Segment*> chapter_of(OpenIncident& incident, const Violation& violation);
  Result<SegmentPlace> place_of(OpenIncident& incident, const Violation& violation);
  Result<std::int64_t> number_of(const Segment& chapter, Numbers& numbers, Statement& insert,
                                 const Fields& fields);
  Status put_changes();
  Status put_times(Segment& chapter);
  Status put_standing(OpenIncident& incident);
  Status bound_log();

  std::string path_;
  Database database_;  // before its statements: it outlives them
  std::unique_ptr<Statements> statements_;
  std::unordered_map<std::string, OpenIncident> open_;
  std::size_t remembered_ = 0;  // rows that need not be written again
};

}  // namespace guard
