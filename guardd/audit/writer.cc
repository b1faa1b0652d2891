#include "guardd/audit/writer.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "guardd/audit/schema.h"

namespace guard {
namespace {

// More is not remembered, but written again: that costs room on the disk, not memory.
constexpr std::size_t kMostRemembered = 32'768;
constexpr std::size_t kMostInChapter = 1'024;
constexpr std::size_t kMostOpen = 1'024;

// The log cannot be folded in while somebody reads on and on.
constexpr off_t kLongestLog = off_t{64} << 20U;

constexpr const char* kFindIncident = "SELECT number FROM incidents WHERE name = ?";
constexpr const char* kPutIncident =
    "INSERT INTO incidents (name, closed, count, first_seen, last_seen, command_pid, "
    "command_start, command_comm, command_exe, command_cmdline, chapter, kind, actor, id, time, "
    "monotonic_us, path, old_path, device, inode, links, uid_before, gid_before, mode_before, "
    "uid_after, gid_after, mode_after, repeats) "
    "VALUES (?,0,1,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
constexpr const char* kPutPlace =
    "UPDATE incidents SET chapter = ?, kind = ?, actor = ? WHERE number = ?";
constexpr const char* kPutStanding =
    "UPDATE incidents SET count = ?, first_seen = ?, last_seen = ?, logged = ?, fixed = ?, "
    "denied = ?, skipped = ?, shared = ?, sample = coalesce(?, sample) WHERE number = ?";
constexpr const char* kClose =
    "UPDATE incidents SET closed = 1, command_pid = ?, command_start = ?, command_comm = ?, "
    "command_exe = ?, command_cmdline = ? WHERE number = ?";
constexpr const char* kPutChapter =
    "INSERT INTO chapters (incident, first_time, last_time, policy, severity, login_uid, "
    "login_user, human) VALUES (?,?,?,?,?,?,?,?)";
constexpr const char* kPutTimes =
    "UPDATE chapters SET first_time = ?, last_time = ? WHERE number = ?";
constexpr const char* kPutKind =
    "INSERT INTO kinds (chapter, number, boot_id, policy_file, policy_line, generation, backend, "
    "category, guard, operation, file_type, uid_wanted, gid_wanted, mode_wanted, owner_wanted, "
    "group_wanted, action, reason) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
constexpr const char* kPutActor =
    "INSERT INTO actors (chapter, number, pid, tid, start_time, ppid, comm, exe, cmdline, setting, "
    "parent) VALUES (?,?,?,?,?,?,?,?,?,?,?)";
constexpr const char* kPutSetting =
    "INSERT INTO settings (chapter, number, cwd, tty, uid, euid, fsuid, gid, session, session_id, "
    "session_service, session_tty, session_remote_host, unit, slice, cgroup, container, "
    "container_runtime, cron_uid, cron_user, label, human_source, hint_sudo_user, hint_ssh) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
constexpr const char* kPutAncestor =
    "INSERT INTO ancestors (chapter, number, pid, start_time, comm, exe, cmdline, parent) "
    "VALUES (?,?,?,?,?,?,?,?)";
constexpr const char* kPutViolation =
    "INSERT INTO violations (chapter, kind, actor, id, time, monotonic_us, path, old_path, device, "
    "inode, links, uid_before, gid_before, mode_before, uid_after, gid_after, mode_after, repeats) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

Fields command_fields(const Ancestor& command) {
  Fields fields;
  fields.add(command.pid);
  fields.add(command.start_time);
  fields.add(command.comm);
  fields.add(command.exe);
  fields.add(command.cmdline);
  return fields;
}

IncidentStanding standing_of(const Incident& incident) {
  return {incident.count, incident.first_seen, incident.last_seen,
          incident.told,  incident.shared,     incident.sample};
}

}  // namespace

struct TrailWriter::Statements {
  Statement find_incident, put_incident, put_place, put_standing, close, put_chapter, put_times,
      put_kind, put_actor, put_setting, put_ancestor, put_violation;
};

TrailWriter::TrailWriter(std::string path, Database database,
                         std::unique_ptr<Statements> statements)
    : path_(std::move(path)), database_(std::move(database)), statements_(std::move(statements)) {}

TrailWriter::~TrailWriter() = default;

Result<std::unique_ptr<TrailWriter>> TrailWriter::open(const std::string& path) {
  GUARD_TRY(auto database, Database::open(path));
  GUARD_CHECK(prepare_trail(database));
  GUARD_TRY(auto find_incident, database.prepare(kFindIncident));
  GUARD_TRY(auto put_incident, database.prepare(kPutIncident));
  GUARD_TRY(auto put_place, database.prepare(kPutPlace));
  GUARD_TRY(auto put_standing, database.prepare(kPutStanding));
  GUARD_TRY(auto close, database.prepare(kClose));
  GUARD_TRY(auto put_chapter, database.prepare(kPutChapter));
  GUARD_TRY(auto put_times, database.prepare(kPutTimes));
  GUARD_TRY(auto put_kind, database.prepare(kPutKind));
  GUARD_TRY(auto put_actor, database.prepare(kPutActor));
  GUARD_TRY(auto put_setting, database.prepare(kPutSetting));
  GUARD_TRY(auto put_ancestor, database.prepare(kPutAncestor));
  GUARD_TRY(auto put_violation, database.prepare(kPutViolation));
  auto statements = std::unique_ptr<Statements>(
      new Statements{std::move(find_incident), std::move(put_incident), std::move(put_place),
                     std::move(put_standing), std::move(close), std::move(put_chapter),
                     std::move(put_times), std::move(put_kind), std::move(put_actor),
                     std::move(put_setting), std::move(put_ancestor), std::move(put_violation)});
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
  open_.clear();                    // some of it was not written after all
  remembered_ = 0;
  return done;
}

Status TrailWriter::write_all(const TrailEntries& entries, std::size_t from, std::size_t to) {
  for (auto i = from; i < to; ++i)
    GUARD_CHECK(std::visit([this](const auto& each) { return put(each); }, entries[i]));
  return put_changes();
}

Status TrailWriter::put(const OpenedIncident& entry) {
  GUARD_TRY(auto* incident, incident_of(entry.incident.first, entry.incident.command));
  incident->standing = standing_of(entry.incident);
  incident->is_changed = true;
  return {};
}

Status TrailWriter::put(const KeptViolation& entry) {
  GUARD_TRY(auto* incident, incident_of(entry.violation, {}));
  GUARD_TRY(const auto place, place_of(*incident, entry.violation));
  auto sample = std::move(incident->standing.sample);  // may wait to be written
  incident->standing = entry.standing;
  if (incident->standing.sample.empty()) incident->standing.sample = std::move(sample);
  incident->is_changed = true;
  own_fields(entry.violation, place).bind_to(statements_->put_violation);
  return statements_->put_violation.run();
}

Status TrailWriter::put(const ClosedIncident& entry) {
  GUARD_TRY(auto* incident, incident_of(entry.incident.first, entry.incident.command));
  incident->standing = standing_of(entry.incident);
  GUARD_CHECK(put_standing(*incident));
  for (auto& [key, chapter] : incident->chapters) GUARD_CHECK(put_times(chapter));
  auto& close = statements_->close;
  command_fields(entry.incident.command).bind_to(close);
  close.bind(incident->number);
  GUARD_CHECK(close.run());
  open_.erase(entry.incident.id);
  return {};
}

// As it is remembered, as it is in the database, or a new one that begins with this violation.
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
  put.bind(std::string_view(first.incident));
  put.bind(micros_of(first.time));
  put.bind(micros_of(first.time));
  command_fields(command).bind_to(put);
  own_fields(first, {}).bind_to(put);
  GUARD_CHECK(put.run());
  incident.number = database_.last_number();
  GUARD_TRY(const auto place, place_of(incident, first));
  auto& put_place = statements_->put_place;
  for (const auto number : {place.chapter, place.kind, place.actor, incident.number})
    put_place.bind(number);
  GUARD_CHECK(put_place.run());
  return &incident;
}

Result<TrailWriter::Segment*> TrailWriter::chapter_of(OpenIncident& incident,
                                                      const Violation& violation) {
  const auto time = micros_of(violation.time);
  const auto fields = chapter_fields(violation);
  const auto [found, is_new] = incident.chapters.try_emplace(fields.key());
  auto& chapter = found->second;
  const auto size = chapter.kinds.size() + chapter.actors.size() + chapter.settings.size() +
                    chapter.ancestors.size();
  if (!is_new && size < kMostInChapter) {
    chapter.first_time = std::min(chapter.first_time, time);
    chapter.last_time = std::max(chapter.last_time, time);
    chapter.is_changed = true;
    return &chapter;
  }
  GUARD_CHECK(put_times(chapter));
  chapter = Segment();
  chapter.first_time = chapter.last_time = time;
  auto& put = statements_->put_chapter;
  for (const auto number : {incident.number, time, time}) put.bind(number);
  fields.bind_to(put);
  GUARD_CHECK(put.run());
  chapter.number = database_.last_number();
  return &chapter;
}

Result<SegmentPlace> TrailWriter::place_of(OpenIncident& incident, const Violation& violation) {
  GUARD_TRY(auto* chapter, chapter_of(incident, violation));
  auto& statements = *statements_;
  SegmentPlace place;
  place.chapter = chapter->number;
  GUARD_TRY(place.kind,
            number_of(*chapter, chapter->kinds, statements.put_kind, kind_fields(violation)));
  // From the far end: who started whom is a tree, and siblings share the way up.
  const auto& actor = violation.actor;
  std::optional<std::int64_t> parent;
  for (auto each = actor.lineage.rbegin(); each != actor.lineage.rend(); ++each) {
    GUARD_TRY(parent, number_of(*chapter, chapter->ancestors, statements.put_ancestor,
                                ancestor_fields(*each, parent)));
  }
  GUARD_TRY(const auto setting,
            number_of(*chapter, chapter->settings, statements.put_setting, setting_fields(actor)));
  GUARD_TRY(place.actor, number_of(*chapter, chapter->actors, statements.put_actor,
                                   actor_fields(actor, setting, parent)));
  return place;
}

// Of the row that holds this; a new one if there is none.
Result<std::int64_t> TrailWriter::number_of(const Segment& chapter, Numbers& numbers,
                                            Statement& insert, const Fields& fields) {
  const auto next = static_cast<std::int64_t>(numbers.size());
  const auto [found, is_new] = numbers.try_emplace(fields.key(), next);
  if (!is_new) return found->second;
  ++remembered_;
  insert.bind(chapter.number);
  insert.bind(next);
  fields.bind_to(insert);
  GUARD_CHECK(insert.run());
  return next;
}

Status TrailWriter::put_changes() {
  for (auto& [name, incident] : open_) {
    if (!incident.is_changed) continue;
    GUARD_CHECK(put_standing(incident));
    for (auto& [key, chapter] : incident.chapters) GUARD_CHECK(put_times(chapter));
  }
  return {};
}

Status TrailWriter::put_times(Segment& chapter) {
  if (!chapter.is_changed) return {};
  chapter.is_changed = false;
  auto& put = statements_->put_times;
  for (const auto number : {chapter.first_time, chapter.last_time, chapter.number})
    put.bind(number);
  return put.run();
}

Status TrailWriter::put_standing(OpenIncident& incident) {
  incident.is_changed = false;
  const auto& standing = incident.standing;
  std::string sample;  // no path holds a NUL
  for (const auto& path : standing.sample) sample += path + '\0';
  Fields fields;
  fields.add(standing.count);
  fields.add(micros_of(standing.first_seen));
  fields.add(micros_of(standing.last_seen));
  for (const auto told : standing.told) fields.add(told);
  static_assert(kFieldNames.size() <= 64);
  fields.add(std::uint64_t{standing.shared.to_ullong()});
  if (sample.empty())
    fields.nothing();
  else
    fields.add(sample);
  fields.add(incident.number);
  fields.bind_to(statements_->put_standing);
  auto done = statements_->put_standing.run();
  incident.standing.sample.clear();
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
  return Error("somebody has been reading it for too long: its log cannot be folded in");
}

Result<bool> TrailWriter::trim(const TrimTo& to) {
  GUARD_CHECK(bound_log());
  return trim_step(database_, to, [this](std::int64_t number) {
    return std::any_of(open_.begin(), open_.end(), [&](const auto& incident) {
      const auto& chapters = incident.second.chapters;
      return std::any_of(chapters.begin(), chapters.end(),
                         [&](const auto& each) { return each.second.number == number; });
    });
  });
}

Status TrailWriter::close_left_open() {
  return database_.run("UPDATE incidents SET closed = 1 WHERE closed = 0");
}

Status TrailWriter::fold() {
  return database_.run("PRAGMA wal_checkpoint(PASSIVE)");
}

Result<std::string> TrailWriter::last_incident() {
  GUARD_TRY(auto query,
            database_.prepare("SELECT name FROM incidents ORDER BY number DESC LIMIT 1"));
  GUARD_TRY(const bool there, query.next());
  return there ? query.bytes() : std::string();
}

Result<std::string> TrailWriter::last_violation() {
  GUARD_TRY(auto query,
            database_.prepare("SELECT id FROM violations ORDER BY number DESC LIMIT 1"));
  GUARD_TRY(const bool there, query.next());
  return there ? query.bytes() : std::string();
}

}  // namespace guard
