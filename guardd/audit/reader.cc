#include "guardd/audit/reader.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "guardd/audit/columns.h"
#include "guardd/audit/schema.h"
#include "guardd/who/command.h"
#include "policy/record/fixed_files.h"

namespace guard {
namespace {

constexpr std::size_t kPage = 1'000;
constexpr std::size_t kMostAncestors = 64;  // a damaged database may contain a cycle

constexpr const char* kAncestor =
    "SELECT pid, start_time, comm, exe, cmdline, parent FROM ancestors WHERE chapter = ? AND "
    "number = ?";
constexpr const char* kFixes =
    "SELECT v.time, c.policy, v.path, v.device, v.inode, v.uid_before, v.gid_before, "
    "v.mode_before, v.uid_after, v.gid_after, v.mode_after, f.files "
    "FROM incidents i CROSS JOIN chapters c ON c.incident = i.number "
    "CROSS JOIN violations v ON v.chapter = c.number "
    "CROSS JOIN kinds k ON k.chapter = v.chapter AND k.number = v.kind "
    "LEFT JOIN fixed_files f ON f.violation = v.number "
    "WHERE i.name = ? AND k.action = ? ORDER BY v.number DESC";

std::string violation_query() {
  return "SELECT " + violation_columns() +
         " FROM violations v CROSS JOIN chapters c ON c.number = v.chapter "
         "CROSS JOIN incidents i ON i.number = c.incident " +
         kViolationJoins + "WHERE v.number = ?";
}

constexpr const char* kFiles = "SELECT files FROM fixed_files WHERE violation = ?";

// Patterns find only whole lists.
bool is_found(std::string_view path, std::string_view above) {
  if (is_pattern(above)) return true;
  while (above.ends_with('/')) above.remove_suffix(1);
  return path.starts_with(above) && (path.size() == above.size() || path[above.size()] == '/');
}

std::vector<std::string> paths_of(std::string_view sample) {
  std::vector<std::string> paths;
  for (std::size_t end = 0; (end = sample.find('\0')) != std::string_view::npos;
       sample.remove_prefix(end + 1))
    paths.emplace_back(sample.substr(0, end));
  return paths;
}

std::uint64_t natural(Statement& row) {
  return static_cast<std::uint64_t>(row.number());
}

// Followed by the columns of the first violation.
constexpr const char* kIncidentColumns =
    "i.number, i.closed, i.name, i.count, i.unlisted, i.first_seen, i.last_seen, i.logged, "
    "i.fixed, i.denied, i.skipped, i.shared, i.shared_more, i.sample, i.directory, i.commands, "
    "i.command_pid, i.command_start, "
    "i.command_comm, "
    "i.command_exe, i.command_cmdline, ";

void read_incident(Statement& row, TrailIncident& found) {
  auto& incident = found.incident;
  found.is_closed = row.number() != 0;
  incident.id = row.bytes();
  incident.count = natural(row);
  incident.unlisted = natural(row);
  incident.first_seen = time_of(row.number());
  incident.last_seen = time_of(row.number());
  for (auto& count : incident.by_outcome) count = natural(row);
  const auto low = natural(row);
  incident.shared = FieldSet(natural(row)) << 64 | FieldSet(low);
  incident.sample = paths_of(row.bytes());
  incident.directory = row.bytes();
  incident.commands = commands_in(row.bytes());
  read_process(row, incident.command);
}

// The last first.
void add_files(const Fix& fix, const std::string& files, std::vector<Fix>& fixes) {
  const auto begin = static_cast<std::ptrdiff_t>(fixes.size());
  for (FixedFiles::Reader each(files); each.next();) {
    const auto& file = each.file();
    fixes.push_back(
        {fix.time, fix.incident, fix.policy, file.path, file.object, file.before, file.after});
  }
  std::reverse(fixes.begin() + begin, fixes.end());
}

Condition incident_query(const RecordFilter& filter, const Search::Key& cursor, std::size_t most) {
  Condition query;
  query.add(std::string("SELECT ") + kIncidentColumns + violation_columns() +
                " FROM incidents i CROSS JOIN incidents v ON v.number = i.number "
                "CROSS JOIN chapters c ON c.number = v.chapter " +
                kViolationJoins + "WHERE i.last_seen <= ? AND (i.last_seen < ? OR i.number < ?)",
            {cursor.time, cursor.time, cursor.number});
  if (filter.since) query.add(" AND i.last_seen >= ?", {micros_of(*filter.since)});
  if (filter.until) query.add(" AND i.first_seen < ?", {micros_of(*filter.until)});
  auto segments = segment_condition(filter);
  const auto rows = row_condition(filter);
  if (const auto paths = path_conditions(filter.path); !paths.empty()) {
    segments.add(" AND c.number IN (", {});
    for (std::size_t i = 0; i < paths.size(); ++i) {
      segments.add(i == 0 ? "" : " UNION ", {});
      segments.add("SELECT v.chapter FROM violations v WHERE 1" + paths[i].sql, paths[i].values);
      segments.add(rows.sql, rows.values);
    }
    segments.add(")", {});
  }
  if (!segments.sql.empty()) {
    query.add(" AND i.number IN (SELECT c.incident FROM chapters c WHERE 1", {});
    query.add(segments.sql + ")", segments.values);
  }
  query.add(" ORDER BY i.last_seen DESC, i.number DESC LIMIT ?", {static_cast<std::int64_t>(most)});
  return query;
}

// The limit 0 means none, too.
std::size_t limit_of(const RecordFilter& filter) {
  const auto limit = filter.limit.value_or(0);
  return limit == 0 ? SIZE_MAX : limit;
}

std::size_t page_of(const RecordFilter& filter, std::size_t read) {
  return std::min(kPage, limit_of(filter) - read);
}

}  // namespace

TrailReader::TrailReader(Database database, Statement violation, Statement ancestor,
                         Statement files)
    : database_(std::move(database)),
      violation_(std::move(violation)),
      ancestor_(std::move(ancestor)),
      files_(std::move(files)) {}

Result<TrailReader> TrailReader::open(const std::string& path) {
  GUARD_TRY(auto database, Database::open_to_read(path));
  GUARD_CHECK(check_trail(database));
  GUARD_TRY(auto violation, database.prepare(violation_query().c_str()));
  GUARD_TRY(auto ancestor, database.prepare(kAncestor));
  GUARD_TRY(auto files, database.prepare(kFiles));
  return TrailReader(std::move(database), std::move(violation), std::move(ancestor),
                     std::move(files));
}

// Runs all queries of one page in one transaction.
template <typename Fetch>
auto TrailReader::fetch(Fetch fetch) -> decltype(fetch()) {
  GUARD_CHECK(database_.run("BEGIN"));
  auto fetched = fetch();
  (void)database_.run("COMMIT");  // read-only
  return fetched;
}

Status TrailReader::violations(const RecordFilter& filter, const OnViolation& visit) {
  Search search(database_, filter);
  std::size_t read = 0;
  const auto is_last = [&](const Violation& violation) {
    return !visit(violation) || ++read == limit_of(filter);
  };
  for (;;) {
    GUARD_TRY(auto page, fetch([&] { return load(search, page_of(filter, read)); }));
    if (page.empty()) return {};
    for (auto& [violation, files] : page) {
      if (!files && is_last(violation)) return {};
      if (!files) continue;
      // The same but for the file: it has no record of its own.
      violation.id.clear();
      violation.repeats = 0;
      for (FixedFiles::Reader each(*files); each.next();) {
        const auto& file = each.file();
        if (!is_found(file.path, filter.path)) continue;
        auto one = violation;
        set_file(one, file);
        if (is_last(one)) return {};
      }
    }
  }
}

Result<std::vector<TrailReader::ListedRecord>> TrailReader::load(Search& search, std::size_t most) {
  std::vector<ListedRecord> page;
  std::vector<Search::Key> keys;
  do {
    GUARD_TRY(keys, search.next(most));
    GUARD_CHECK(load(keys, page));
  } while (page.empty() && !keys.empty());
  return page;
}

Status TrailReader::load(const std::vector<Search::Key>& keys, std::vector<ListedRecord>& page) {
  for (const auto& key : keys) {
    violation_.bind(key.number);
    GUARD_TRY(const bool there, violation_.next());
    LineageStart start;
    Violation violation;
    Actor actor;
    if (there) start = read_violation(violation_, violation, actor);
    violation_.reset();
    // It may have been removed since the search: pages are separate transactions.
    if (!there) continue;
    GUARD_CHECK(read_lineage(start, actor));
    violation.actor = std::move(actor);
    GUARD_TRY(auto files, files_of(key.number));
    page.push_back({std::move(violation), std::move(files)});
  }
  return {};
}

Result<std::optional<std::string>> TrailReader::files_of(std::int64_t violation) {
  files_.bind(violation);
  GUARD_TRY(const bool there, files_.next());
  std::optional<std::string> files;
  if (there) files = files_.bytes();
  files_.reset();
  return files;
}

Status TrailReader::read_lineage(const LineageStart& start, Actor& actor) {
  // kNone instead of an optional, which GCC 12 takes for uninitialised.
  constexpr std::int64_t kNone = -1;
  auto next = start.parent.value_or(kNone);
  while (next != kNone && actor.lineage.size() < kMostAncestors) {
    ancestor_.bind(start.segment);
    ancestor_.bind(next);
    GUARD_TRY(const bool there, ancestor_.next());
    next = kNone;
    if (there) {
      read_process(ancestor_, actor.lineage.emplace_back());
      next = ancestor_.number_if_any().value_or(kNone);
    }
    ancestor_.reset();
  }
  // Records of an older guardd have no command of their own.
  auto command = std::move(actor.command);
  name_command(actor);
  if (command.pid != 0 || !command.comm.empty()) actor.command = std::move(command);
  return {};
}

Status TrailReader::incidents(const RecordFilter& filter, const OnIncident& visit) {
  Search::Key cursor{kEver, kEver};
  for (std::size_t read = 0; read < limit_of(filter);) {
    GUARD_TRY(const auto page, fetch([&] { return load(filter, cursor, page_of(filter, read)); }));
    if (page.empty()) return {};
    for (const auto& incident : page)
      if (!visit(incident)) return {};
    read += page.size();
  }
  return {};
}

Result<std::vector<TrailIncident>> TrailReader::load(const RecordFilter& filter,
                                                     Search::Key& cursor, std::size_t most) {
  const auto query = incident_query(filter, cursor, most);
  GUARD_TRY(auto rows, database_.prepare(query.sql.c_str()));
  query.bind_to(rows);
  std::vector<TrailIncident> page;
  for (;;) {
    GUARD_TRY(const bool more, rows.next());
    if (!more) return page;
    auto& found = page.emplace_back();
    cursor.number = rows.number();
    read_incident(rows, found);
    cursor.time = micros_of(found.incident.last_seen);
    Actor actor;
    const auto start = read_violation(rows, found.incident.first, actor);
    GUARD_CHECK(read_lineage(start, actor));
    found.incident.first.actor = std::move(actor);
  }
}

Result<std::uint64_t> TrailReader::count(const RecordFilter& filter) {
  return Search(database_, filter).count();
}

Result<std::vector<Fix>> TrailReader::fixes_of(const std::string& incident) {
  GUARD_TRY(auto rows, database_.prepare(kFixes));
  rows.bind(std::string_view(incident));
  rows.bind(static_cast<std::int64_t>(Outcome::kFixed));
  std::vector<Fix> fixes;
  for (;;) {
    GUARD_TRY(const bool more, rows.next());
    if (!more) return fixes;
    Fix fix;
    fix.incident = incident;
    fix.time = time_of(rows.number());
    fix.policy = rows.bytes();
    fix.path = rows.bytes();
    fix.object.device = natural(rows);
    fix.object.inode = natural(rows);
    const auto before = read_ownership(rows);
    const auto after = read_ownership(rows);
    if (const auto files = rows.bytes_if_any()) {
      add_files(fix, *files, fixes);
      continue;
    }
    if (!before || !after) continue;
    fix.before = *before;
    fix.after = *after;
    fixes.push_back(std::move(fix));
  }
}

}  // namespace guard
