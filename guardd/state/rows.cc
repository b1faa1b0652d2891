#include "guardd/state/rows.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace guard {
namespace {

// What each version has added to the one before.
constexpr std::array kTables{
    R"(
CREATE TABLE pending (
  number INTEGER PRIMARY KEY AUTOINCREMENT, object BLOB NOT NULL UNIQUE, tree BLOB, path BLOB,
  is_directory INTEGER, operation INTEGER,
  pid INTEGER, start INTEGER, parent INTEGER, parent_start INTEGER, comm BLOB,
  uid INTEGER, euid INTEGER, fsuid INTEGER, gid INTEGER, login INTEGER, session INTEGER,
  tty INTEGER, cwd BLOB, exe BLOB, cmdline BLOB, exe_device INTEGER, exe_inode INTEGER,
  labels INTEGER, cgroup BLOB, unit BLOB, slice BLOB);
CREATE TABLE suspect (number INTEGER PRIMARY KEY AUTOINCREMENT, object BLOB NOT NULL UNIQUE);
)",
    R"(
ALTER TABLE pending ADD COLUMN is_excused INTEGER NOT NULL DEFAULT 0;
CREATE TABLE pause (
  number INTEGER PRIMARY KEY AUTOINCREMENT, policy BLOB NOT NULL UNIQUE, since INTEGER,
  until INTEGER, reason BLOB, uid INTEGER, user BLOB);
CREATE TABLE undone (
  number INTEGER PRIMARY KEY AUTOINCREMENT, object BLOB NOT NULL UNIQUE, changed INTEGER);
)",
    R"(
DROP TABLE suspect;
ALTER TABLE pending ADD COLUMN proven_at INTEGER;
)",
    R"(
CREATE TABLE rules (
  number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, path BLOB, text BLOB, read_at INTEGER);
)"};
constexpr std::int64_t kVersion = kTables.size();

// Written by WAL so that readers never wait, and synced only when the log is folded in: a crash of
// guardd loses nothing that was committed, one of the machine the last moments.
constexpr const char* kHow =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -256";

std::int64_t number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

template <typename Id>
std::optional<std::int64_t> number(const std::optional<Id>& id) {
  return id ? std::optional<std::int64_t>(id->value) : std::nullopt;
}

template <typename Id>
std::optional<Id> id(const std::optional<std::int64_t>& value) {
  return value ? std::optional(Id{static_cast<std::uint32_t>(*value)}) : std::nullopt;
}

std::int64_t bits(EnumSet<Label> labels) {
  std::int64_t bits = 0;
  labels.each([&](Label label) { bits |= std::int64_t{1} << static_cast<unsigned>(label); });
  return bits;
}

EnumSet<Label> labels(std::int64_t bits) {
  EnumSet<Label> labels;
  for (unsigned i = 0; i < Words<Label>::kAll.size(); ++i)
    if ((bits >> i & 1) != 0) labels.add(static_cast<Label>(i));
  return labels;
}

void bind(Statement& statement, const Snapshot& who) {
  statement.bind(std::int64_t{who.pid});
  statement.bind(number(who.start));
  statement.bind(std::int64_t{who.parent});
  statement.bind(number(who.parent_start));
  statement.bind(who.comm);
  statement.bind(number(who.uid));
  statement.bind(number(who.euid));
  statement.bind(number(who.fsuid));
  statement.bind(number(who.gid));
  statement.bind(number(who.login));
  statement.bind(who.session ? std::optional<std::int64_t>(*who.session) : std::nullopt);
  statement.bind(std::int64_t{who.tty});
  statement.bind(who.cwd);
  const Image nothing;
  const auto& image = who.image ? *who.image : nothing;
  statement.bind(image.exe);
  statement.bind(image.cmdline);
  statement.bind(image.id ? std::optional(number(image.id->device)) : std::nullopt);
  statement.bind(image.id ? std::optional(number(image.id->inode)) : std::nullopt);
  statement.bind(bits(image.labels));
  const ControlGroup none;
  const auto& group = who.control_group ? *who.control_group : none;
  statement.bind(group.path);
  statement.bind(group.unit);
  statement.bind(group.slice);
}

Snapshot read_who(Statement& row) {
  Snapshot who;
  who.pid = static_cast<std::int32_t>(row.number());
  who.start = static_cast<std::uint64_t>(row.number());
  who.parent = static_cast<std::int32_t>(row.number());
  who.parent_start = static_cast<std::uint64_t>(row.number());
  who.comm = row.bytes_if_any();
  who.uid = id<Uid>(row.number_if_any());
  who.euid = id<Uid>(row.number_if_any());
  who.fsuid = id<Uid>(row.number_if_any());
  who.gid = id<Gid>(row.number_if_any());
  who.login = id<Uid>(row.number_if_any());
  if (const auto session = row.number_if_any()) who.session = static_cast<std::uint32_t>(*session);
  who.tty = static_cast<std::uint32_t>(row.number());
  who.cwd = row.bytes_if_any();
  auto image = std::make_shared<Image>();
  image->exe = row.bytes_if_any();
  image->cmdline = row.bytes_if_any();
  const auto device = row.number_if_any();
  const auto inode = row.number_if_any();
  if (device && inode)
    image->id = InodeId{static_cast<std::uint64_t>(*device), static_cast<std::uint64_t>(*inode)};
  image->labels = labels(row.number());
  who.image = std::move(image);
  auto group = std::make_shared<ControlGroup>();
  group->path = row.bytes();
  group->unit = row.bytes();
  group->slice = row.bytes();
  if (!group->path.empty()) who.control_group = std::move(group);
  return who;
}

using Time = std::chrono::system_clock::time_point;

std::int64_t microseconds(Time time) {
  return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
}

Time time(std::int64_t microseconds) {
  return Time(std::chrono::microseconds(microseconds));
}

// Of a row in the table of rules.
enum RuleKind : std::int64_t { kSettings, kPolicy, kAccounts };

template <typename Each, typename Read>
Result<std::vector<Each>> read_all(Database& database, const char* query, Read read) {
  GUARD_TRY(auto rows, database.prepare(query));
  std::vector<Each> all;
  for (;;) {
    GUARD_TRY(const bool more, rows.next());
    if (!more) return all;
    all.push_back(read(rows));
  }
}

}  // namespace

// An object that is brought about anew is pending anew.
const char* const kKeepPending =
    "INSERT OR REPLACE INTO pending (object, tree, path, is_directory, operation, pid, start, "
    "parent, parent_start, comm, uid, euid, fsuid, gid, login, session, tty, cwd, exe, cmdline, "
    "exe_device, exe_inode, labels, cgroup, unit, slice, is_excused, proven_at) VALUES "
    "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
const char* const kForgetPending = "DELETE FROM pending WHERE object = ?";
const char* const kKeepPause =
    "INSERT OR REPLACE INTO pause (policy, since, until, reason, uid, user) VALUES (?,?,?,?,?,?)";
const char* const kForgetPause = "DELETE FROM pause WHERE policy = ?";
const char* const kKeepUndone = "INSERT OR REPLACE INTO undone (object, changed) VALUES (?,?)";

const char* const kForgetRules = "DELETE FROM rules";
const char* const kKeepRules = "INSERT INTO rules (kind, path, text, read_at) VALUES (?,?,?,?)";

Status prepare_schema(Database& database) {
  GUARD_CHECK(database.run(kHow));
  GUARD_TRY(auto version, database.prepare("PRAGMA user_version"));
  GUARD_TRY(const bool there, version.next());
  const auto found = there ? version.number() : 0;
  if (found == kVersion) return {};
  if (found > kVersion)
    return Error("it was written by a newer guardd (version " + std::to_string(found) + ")");
  GUARD_CHECK(version.run());
  std::string make("BEGIN IMMEDIATE;");
  for (auto next = std::max<std::int64_t>(found, 0); next < kVersion; ++next)
    make += kTables.at(static_cast<std::size_t>(next));
  make += "PRAGMA user_version = " + std::to_string(kVersion) + "; COMMIT;";
  return database.run(make.c_str());
}

bool is_damaged(const Error& error) {
  const int code = error.code() & 0xff;  // without the details
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

Status put_pending(Statement& statement, const Pending& pending) {
  statement.bind(pending.object.bytes());
  statement.bind(pending.tree);
  statement.bind(pending.path);
  statement.bind(std::int64_t{pending.is_directory ? 1 : 0});
  statement.bind(static_cast<std::int64_t>(pending.operation));
  bind(statement, pending.who->snapshot());
  statement.bind(std::int64_t{pending.is_excused ? 1 : 0});
  statement.bind(pending.proven_at);
  return statement.run();
}

Status put_pause(Statement& statement, const Pause& pause) {
  statement.bind(pause.policy);
  statement.bind(microseconds(pause.since));
  statement.bind(microseconds(pause.until));
  statement.bind(pause.reason);
  statement.bind(std::int64_t{pause.uid.value});
  statement.bind(pause.user);
  return statement.run();
}

Status put_undone(Statement& statement, const FileVersion& file) {
  statement.bind(file.object.bytes());
  statement.bind(file.changed);
  return statement.run();
}

Status put_rule_texts(Statement& statement, const RuleTexts& texts) {
  const auto put = [&](RuleKind kind, const FileText& file) {
    statement.bind(std::int64_t{kind});
    statement.bind(file.path);
    statement.bind(file.text);
    statement.bind(microseconds(texts.read_at));
    return statement.run();
  };
  if (texts.settings) GUARD_CHECK(put(kSettings, *texts.settings));
  for (const auto& policy : texts.policies) GUARD_CHECK(put(kPolicy, policy));
  return put(kAccounts, {{}, texts.accounts});
}

Result<std::vector<Pending>> read_pending(Database& database) {
  constexpr const char* kRows =
      "SELECT object, tree, path, is_directory, operation, pid, start, parent, parent_start, comm, "
      "uid, euid, fsuid, gid, login, session, tty, cwd, exe, cmdline, exe_device, exe_inode, "
      "labels, cgroup, unit, slice, is_excused, proven_at FROM pending ORDER BY number";
  return read_all<Pending>(database, kRows, [](Statement& row) {
    Pending pending;
    pending.object = FileId::from_bytes(row.bytes());
    pending.tree = row.bytes();
    pending.path = row.bytes();
    pending.is_directory = row.number() != 0;
    const auto operation = row.number();
    const bool known = operation >= 0 && operation < number(Words<Operation>::kAll.size());
    if (known) pending.operation = static_cast<Operation>(operation);
    pending.who = std::make_shared<const ActingProcess>(read_who(row), nullptr);
    pending.is_excused = row.number() != 0;
    pending.proven_at = row.number_if_any();
    return pending;
  });
}

Result<std::vector<Pause>> read_pauses(Database& database) {
  constexpr const char* kRows =
      "SELECT policy, since, until, reason, uid, user FROM pause ORDER BY number";
  return read_all<Pause>(database, kRows, [](Statement& row) {
    Pause pause;
    pause.policy = row.bytes();
    pause.since = time(row.number());
    pause.until = time(row.number());
    pause.reason = row.bytes();
    pause.uid = Uid{static_cast<std::uint32_t>(row.number())};
    pause.user = row.bytes();
    return pause;
  });
}

Result<std::vector<FileVersion>> read_undone(Database& database) {
  return read_all<FileVersion>(database, "SELECT object, changed FROM undone ORDER BY number",
                               [](Statement& row) {
                                 auto object = FileId::from_bytes(row.bytes());
                                 return FileVersion{std::move(object), row.number()};
                               });
}

// Nothing if there never were any: even rules without policies have a row for accounts.
Result<std::optional<RuleTexts>> read_rule_texts(Database& database) {
  std::optional<RuleTexts> texts;
  constexpr const char* kRows = "SELECT kind, path, text, read_at FROM rules ORDER BY number";
  GUARD_TRY(auto row, database.prepare(kRows));
  for (;;) {
    GUARD_TRY(const bool more, row.next());
    if (!more) return texts;
    if (!texts) texts.emplace();
    const auto kind = row.number();
    FileText file;
    file.path = row.bytes();
    file.text = row.bytes();
    texts->read_at = time(row.number());
    switch (kind) {
      case kSettings:
        texts->settings = std::move(file);
        break;
      case kPolicy:
        texts->policies.push_back(std::move(file));
        break;
      default:
        texts->accounts = std::move(file.text);
    }
  }
}

}  // namespace guard
