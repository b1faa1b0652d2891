// Writes entries into the audit trail, storing what they have in common once. Owns the database and
// a memory of the rows of open incidents. Has no queue and no clock. The trail's thread.
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

// The parts of an incident that change.
struct IncidentStanding {
  std::uint64_t count = 0;
  std::chrono::system_clock::time_point first_seen;
  std::chrono::system_clock::time_point last_seen;
  std::array<std::uint64_t, Words<Outcome>::kAll.size()> by_outcome{};
  FieldSet shared;
  std::vector<std::string> sample;         // empty: unchanged
  std::vector<CountedCommand> commands{};  // the same
  std::uint64_t unlisted = 0;
  std::string directory{};
};

struct OpeningEntry {
  Incident incident;
};
struct ViolationEntry {
  Violation violation;
  IncidentStanding standing;
  std::string files{};  // as FixedFiles::bytes(): it stands for these
  std::size_t count = 1;
  std::size_t weight = 0;  // in the queue
};
struct ClosingEntry {
  Incident incident;
};
using TrailEntry = std::variant<OpeningEntry, ViolationEntry, ClosingEntry>;
using TrailEntries = std::deque<TrailEntry>;

class TrailWriter {
 public:
  static Result<std::unique_ptr<TrailWriter>> open(const std::string& path);
  ~TrailWriter();
  TrailWriter(const TrailWriter&) = delete;
  TrailWriter& operator=(const TrailWriter&) = delete;

  // Writes entries [from, to): all of them or none.
  Status write(const TrailEntries& entries, std::size_t from, std::size_t to);

  // Closes the incidents that a killed guardd left open.
  Status close_left_open();

  // Removes a small part of the rows that are too old or too many; true: call it again.
  Result<bool> trim(const TrimTo& to);
  // Checkpoints the log, as far as no reader needs the old pages.
  Status checkpoint();

  // The greatest names in the trail; empty: none.
  Result<std::string> last_incident();
  Result<std::string> last_violation();

 private:
  using Numbers = std::unordered_map<std::string, std::int64_t>;
  // A part of an incident, with the rows already written for it.
  struct Segment {
    std::int64_t number = 0;
    std::int64_t first_time = 0;
    std::int64_t last_time = 0;
    bool is_changed = false;
    Numbers kinds, actors, settings, ancestors, commands;
    SharedActor last_actor;  // and its number; -1: none
    std::int64_t last_number = -1;
  };
  struct OpenIncident {
    std::int64_t number = 0;
    bool is_changed = false;
    IncidentStanding standing;
    std::unordered_map<std::string, Segment> segments;
  };
  struct Statements;

  TrailWriter(std::string path, Database database, std::unique_ptr<Statements> statements);

  Status write_all(const TrailEntries& entries, std::size_t from, std::size_t to);
  Status put(const OpeningEntry& entry);
  Status put(const ViolationEntry& entry);
  Status put(const ClosingEntry& entry);
  Result<OpenIncident*> incident_of(const Violation& first, const Ancestor& command);
  Result<Segment*> segment_of(OpenIncident& incident, const Violation& violation);
  Result<SegmentPlace> place_of(OpenIncident& incident, const Violation& violation);
  Result<std::int64_t> number_of(Segment& segment, const SharedActor& actor);
  Result<std::int64_t> number_of(const Segment& segment, Numbers& numbers, Statement& insert,
                                 const Fields& fields);
  Status put_changes();
  Status put_times(Segment& segment);
  Status put_standing(OpenIncident& incident);
  Status bound_log();

  std::string path_;
  Database database_;  // before the statements, which it must outlive
  std::unique_ptr<Statements> statements_;
  std::unordered_map<std::string, OpenIncident> open_;
  std::size_t remembered_ = 0;  // rows that are already written
};

}  // namespace guard
