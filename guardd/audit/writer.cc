#include "guardd/audit/writer.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "guardd/audit/schema.h"

namespace guard {
namespace {

// Beyond these bounds, rows are forgotten and written again, which costs disk space, not memory.
constexpr std::size_t kMostRemembered = 32'768;
constexpr std::size_t kMostInSegment = 1'024;
constexpr std::size_t kMostOpen = 1'024;

// The log cannot be checkpointed while another process keeps reading.
constexpr off_t kLongestLog = off_t{64} << 20U;

constexpr const char* kFindIncident = "SELECT number FROM incidents WHERE name = ?";
constexpr const char* kPutPlace =
    "UPDATE incidents SET chapter = ?, kind = ?, actor = ? WHERE number = ?";
constexpr const char* kPutStanding =
    "UPDATE incidents SET count = ?, first_seen = ?, last_seen = ?, logged = ?, fixed = ?, "
    "denied = ?, skipped = ?, shared = ?, shared_more = ?, sample = coalesce(?, sample), commands "
    "= "
    "coalesce(?, commands), unlisted = ?, directory = ? WHERE number = ?";
constexpr const char* kClose =
    "UPDATE incidents SET closed = 1, command_pid = ?, command_start = ?, command_comm = ?, "
    "command_exe = ?, command_cmdline = ? WHERE number = ?";
constexpr const char* kPutTimes =
    "UPDATE chapters SET first_time = ?, last_time = ? WHERE number = ?";
std::string insert_into(std::string_view table, const std::string& columns) {
  std::string values = "?";
  for (const char each : columns)
    if (each == ',') values += ",?";
  return fmt::format("INSERT INTO {} ({}) VALUES ({})", table, columns, values);
}

IncidentStanding standing_of(const Incident& incident) {
  return {incident.count,      incident.first_seen, incident.last_seen,
          incident.by_outcome, incident.shared,     incident.sample,
          incident.commands,   incident.unlisted,   incident.directory};
}

// Empty if the query has no row.
Result<std::string> first_text(Database& database, const char* query) {
  GUARD_TRY(auto row, database.prepare(query));
  GUARD_TRY(const bool there, row.next());
  return there ? row.bytes() : std::string();
}

}  // namespace

struct TrailWriter::Statements {
  Statement find_incident, put_incident, put_place, put_standing, close, put_segment, put_times,
      put_kind, put_actor, put_setting, put_ancestor, put_command, put_violation, put_files;
};

TrailWriter::TrailWriter(std::string path, Database database,
                         std::unique_ptr<Statements> statements)
    : path_(std::move(path)), database_(std::move(database)), statements_(std::move(statements)) {}

TrailWriter::~TrailWriter() = default;

Result<std::unique_ptr<TrailWriter>> TrailWriter::open(const std::string& path) {
  GUARD_TRY(auto database, Database::open(path));
  GUARD_CHECK(prepare_trail(database));
  auto statements = std::make_unique<Statements>();
  auto& all = *statements;
  const auto names = column_names();
  const std::string numbered = "chapter, number, ";
  const auto own = "chapter, kind, actor, " + names.own;
  GUARD_CHECK(database.prepare_all(
      {{&all.find_incident, kFindIncident},
       {&all.put_incident,
        insert_into("incidents",
                    "closed, count, name, first_seen, last_seen, command_pid, command_start, "
                    "command_comm, command_exe, command_cmdline, " +
                        own)},
       {&all.put_place, kPutPlace},
       {&all.put_standing, kPutStanding},
       {&all.close, kClose},
       {&all.put_segment,
        insert_into("chapters", "incident, first_time, last_time, " + names.segment)},
       {&all.put_times, kPutTimes},
       {&all.put_kind, insert_into("kinds", numbered + names.kind)},
       {&all.put_actor,
        insert_into("actors", numbered + names.actor + ", setting, parent, command")},
       {&all.put_setting, insert_into("settings", numbered + names.setting)},
       {&all.put_ancestor, insert_into("ancestors", numbered + names.process + ", parent")},
       {&all.put_command, insert_into("commands", numbered + names.process + ", cwd")},
       {&all.put_violation, insert_into("violations", own)},
       {&all.put_files, insert_into("fixed_files", "violation, count, files")}}));
  return std::unique_ptr<TrailWriter>(
      new TrailWriter(path, std::move(database), std::move(statements)));
}

Status TrailWriter::write(const TrailEntries& entries, std::size_t from, std::size_t to) {
  GUARD_CHECK(bound_log());
  if (remembered_ > kMostRemembered || open_.size() > kMostOpen) {
    open_.clear();
    remembered_ = 0;
  }
  auto done = database_.run("BEGIN IMMEDIATE");
  if (done) done = write_all(entries, from, to);
  if (done) done = database_.run("COMMIT");
  if (done) return done;
  (void)database_.run("ROLLBACK");  // SQLite may have done so by itself
  open_.clear();                    // some of it was not written
  remembered_ = 0;
  return done;
}

Status TrailWriter::write_all(const TrailEntries& entries, std::size_t from, std::size_t to) {
  for (auto i = from; i < to; ++i)
    GUARD_CHECK(std::visit([this](const auto& each) { return put(each); }, entries[i]));
  return put_changes();
}

Status TrailWriter::put(const OpeningEntry& entry) {
  GUARD_TRY(auto* incident, incident_of(entry.incident.first, entry.incident.command));
  incident->standing = standing_of(entry.incident);
  incident->is_changed = true;
  return {};
}

Status TrailWriter::put(const ViolationEntry& entry) {
  GUARD_TRY(auto* incident, incident_of(entry.violation, {}));
  GUARD_TRY(const auto place, place_of(*incident, entry.violation));
  // They may not have been written yet.
  auto sample = std::move(incident->standing.sample);
  auto commands = std::move(incident->standing.commands);
  incident->standing = entry.standing;
  if (incident->standing.sample.empty()) incident->standing.sample = std::move(sample);
  if (incident->standing.commands.empty()) incident->standing.commands = std::move(commands);
  incident->is_changed = true;
  own_fields(entry.violation, place).bind_to(statements_->put_violation);
  auto done = statements_->put_violation.run();
  if (!done || entry.files.empty()) return done;
  auto& put_files = statements_->put_files;
  put_files.bind(database_.last_number());
  put_files.bind(static_cast<std::int64_t>(entry.count));
  put_files.bind(std::string_view(entry.files));
  return put_files.run();
}

Status TrailWriter::put(const ClosingEntry& entry) {
  GUARD_TRY(auto* incident, incident_of(entry.incident.first, entry.incident.command));
  incident->standing = standing_of(entry.incident);
  GUARD_CHECK(put_standing(*incident));
  for (auto& [key, segment] : incident->segments) GUARD_CHECK(put_times(segment));
  auto& close = statements_->close;
  process_fields(entry.incident.command).bind_to(close);
  close.bind(incident->number);
  GUARD_CHECK(close.run());
  open_.erase(entry.incident.id);
  return {};
}

// The remembered incident, the one in the database, or a new one that begins with this violation.
Result<TrailWriter::OpenIncident*> TrailWriter::incident_of(const Violation& first,
                                                            const Ancestor& command) {
  const auto [found, is_new] = open_.try_emplace(first.incident);
  auto& incident = found->second;
  if (!is_new) return &incident;
  incident.standing.first_seen = incident.standing.last_seen = first.time;
  auto& find = statements_->find_incident;
  find.bind(std::string_view(first.incident));
  auto there = find.next();
  if (there && *there) incident.number = find.number();
  find.reset();
  if (!there) return std::move(there).error();
  if (*there) return &incident;

  auto& put = statements_->put_incident;
  put.bind(std::int64_t{0});
  put.bind(std::int64_t{1});
  put.bind(std::string_view(first.incident));
  put.bind(micros_of(first.time));
  put.bind(micros_of(first.time));
  process_fields(command).bind_to(put);
  own_fields(first, {}).bind_to(put);
  GUARD_CHECK(put.run());
  incident.number = database_.last_number();
  GUARD_TRY(const auto place, place_of(incident, first));
  auto& put_place = statements_->put_place;
  for (const auto number : {place.segment, place.kind, place.actor, incident.number})
    put_place.bind(number);
  GUARD_CHECK(put_place.run());
  return &incident;
}

Result<TrailWriter::Segment*> TrailWriter::segment_of(OpenIncident& incident,
                                                      const Violation& violation) {
  const auto time = micros_of(violation.time);
  const auto fields = segment_fields(violation);
  const auto [found, is_new] = incident.segments.try_emplace(fields.key());
  auto& segment = found->second;
  const auto size = segment.kinds.size() + segment.actors.size() + segment.settings.size() +
                    segment.ancestors.size() + segment.commands.size();
  if (!is_new && size < kMostInSegment) {
    segment.first_time = std::min(segment.first_time, time);
    segment.last_time = std::max(segment.last_time, time);
    segment.is_changed = true;
    return &segment;
  }
  GUARD_CHECK(put_times(segment));
  segment = Segment();
  segment.first_time = segment.last_time = time;
  auto& put = statements_->put_segment;
  for (const auto number : {incident.number, time, time}) put.bind(number);
  fields.bind_to(put);
  GUARD_CHECK(put.run());
  segment.number = database_.last_number();
  return &segment;
}

Result<SegmentPlace> TrailWriter::place_of(OpenIncident& incident, const Violation& violation) {
  GUARD_TRY(auto* segment, segment_of(incident, violation));
  auto& statements = *statements_;
  SegmentPlace place;
  place.segment = segment->number;
  GUARD_TRY(place.kind,
            number_of(*segment, segment->kinds, statements.put_kind, kind_fields(violation)));
  GUARD_TRY(place.actor, number_of(*segment, violation.actor));
  return place;
}

Result<std::int64_t> TrailWriter::number_of(Segment& segment, const SharedActor& shared) {
  if (segment.last_number >= 0 && segment.last_actor == shared) return segment.last_number;
  auto& statements = *statements_;
  const auto& actor = *shared;
  // From the topmost ancestor down: processes form a tree, and siblings share their ancestors.
  std::optional<std::int64_t> parent;
  for (auto each = actor.lineage.rbegin(); each != actor.lineage.rend(); ++each) {
    GUARD_TRY(parent, number_of(segment, segment.ancestors, statements.put_ancestor,
                                ancestor_fields(*each, parent)));
  }
  GUARD_TRY(const auto setting,
            number_of(segment, segment.settings, statements.put_setting, setting_fields(actor)));
  GUARD_TRY(const auto command, number_of(segment, segment.commands, statements.put_command,
                                          command_fields(actor.command)));
  GUARD_TRY(const auto number, number_of(segment, segment.actors, statements.put_actor,
                                         actor_fields(actor, setting, parent, command)));
  segment.last_actor = shared;
  segment.last_number = number;
  return number;
}

// The number of the row with these fields; writes a new row if there is none.
Result<std::int64_t> TrailWriter::number_of(const Segment& segment, Numbers& numbers,
                                            Statement& insert, const Fields& fields) {
  const auto next = static_cast<std::int64_t>(numbers.size());
  const auto [found, is_new] = numbers.try_emplace(fields.key(), next);
  if (!is_new) return found->second;
  ++remembered_;
  insert.bind(segment.number);
  insert.bind(next);
  fields.bind_to(insert);
  GUARD_CHECK(insert.run());
  return next;
}

Status TrailWriter::put_changes() {
  for (auto& [name, incident] : open_) {
    if (!incident.is_changed) continue;
    GUARD_CHECK(put_standing(incident));
    for (auto& [key, segment] : incident.segments) GUARD_CHECK(put_times(segment));
  }
  return {};
}

Status TrailWriter::put_times(Segment& segment) {
  if (!segment.is_changed) return {};
  segment.is_changed = false;
  auto& put = statements_->put_times;
  for (const auto number : {segment.first_time, segment.last_time, segment.number})
    put.bind(number);
  return put.run();
}

Status TrailWriter::put_standing(OpenIncident& incident) {
  incident.is_changed = false;
  const auto& standing = incident.standing;
  std::string sample;  // a path contains no NUL
  for (const auto& path : standing.sample) sample += path + '\0';
  Fields fields;
  fields.add(standing.count);
  fields.add(micros_of(standing.first_seen));
  fields.add(micros_of(standing.last_seen));
  for (const auto count : standing.by_outcome) fields.add(count);
  static_assert(kFieldCount <= 128);
  constexpr FieldSet kLow(UINT64_MAX);
  fields.add(std::uint64_t{(standing.shared & kLow).to_ullong()});
  fields.add(std::uint64_t{(standing.shared >> 64).to_ullong()});
  const auto commands = commands_bytes(standing.commands);
  for (const std::string* each : {&std::as_const(sample), &commands}) {
    if (each->empty())
      fields.add_null();
    else
      fields.add(*each);
  }
  fields.add(standing.unlisted);
  fields.add(standing.directory);
  fields.add(incident.number);
  fields.bind_to(statements_->put_standing);
  auto done = statements_->put_standing.run();
  incident.standing.sample.clear();
  incident.standing.commands.clear();
  return done;
}

Status TrailWriter::bound_log() {
  const auto too_long = [this] {
    struct stat facts {};
    return ::stat((path_ + "-wal").c_str(), &facts) == 0 && facts.st_size > kLongestLog;
  };
  if (!too_long()) return {};
  GUARD_CHECK(database_.run("PRAGMA wal_checkpoint(TRUNCATE)"));
  if (!too_long()) return {};
  return Error(
      "another process has been reading it for too long, so its log cannot be checkpointed");
}

Result<bool> TrailWriter::trim(const TrimTo& to) {
  GUARD_CHECK(bound_log());
  return trim_step(database_, to, [this](std::int64_t number) {
    return std::any_of(open_.begin(), open_.end(), [&](const auto& incident) {
      const auto& segments = incident.second.segments;
      return std::any_of(segments.begin(), segments.end(),
                         [&](const auto& each) { return each.second.number == number; });
    });
  });
}

Status TrailWriter::close_left_open() {
  return database_.run("UPDATE incidents SET closed = 1 WHERE closed = 0");
}

Status TrailWriter::checkpoint() {
  return database_.run("PRAGMA wal_checkpoint(PASSIVE)");
}

Result<std::string> TrailWriter::last_incident() {
  return first_text(database_, "SELECT name FROM incidents ORDER BY number DESC LIMIT 1");
}

Result<std::string> TrailWriter::last_violation() {
  return first_text(database_, "SELECT id FROM violations ORDER BY number DESC LIMIT 1");
}

}  // namespace guard
