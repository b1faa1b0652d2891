#include "guardd/audit/schema.h"

#include <array>
#include <string>

namespace guard {
namespace {

// Names are bytes, so every text is a blob. Times are microseconds since 1970.
#define GUARD_OWN_COLUMNS                                                                  \
  "chapter INTEGER NOT NULL, kind INTEGER NOT NULL, actor INTEGER NOT NULL, id BLOB, "     \
  "time INTEGER NOT NULL, monotonic_us INTEGER, path BLOB NOT NULL, old_path BLOB, "       \
  "device INTEGER, inode INTEGER, links INTEGER, uid_before INTEGER, gid_before INTEGER, " \
  "mode_before INTEGER, uid_after INTEGER, gid_after INTEGER, mode_after INTEGER, repeats INTEGER"

// What a violation takes in all tables, roughly: its own row, and its share of the others.
#define GUARD_ROW_SIZE "300"
#define GUARD_POLICY_OF(number) "(SELECT policy FROM chapters WHERE number = " number ")"
#define GUARD_COUNT(policy, size)                                     \
  "INSERT INTO policy_sizes VALUES (coalesce(" policy ", x''), " size \
  ") ON CONFLICT (policy) "                                           \
  "DO UPDATE SET bytes = bytes + excluded.bytes;"

#define GUARD_ADD(table, column) "ALTER TABLE " table " ADD COLUMN " column ";"
#define GUARD_ADD_TIMES(table)         \
  GUARD_ADD(table, "size INTEGER")     \
  GUARD_ADD(table, "modified INTEGER") \
  GUARD_ADD(table, "changed INTEGER") GUARD_ADD(table, "born INTEGER")

constexpr std::array<const char*, 5> kSteps{
    "CREATE TABLE incidents (number INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, "
    "closed INTEGER NOT NULL, count INTEGER, first_seen INTEGER, last_seen INTEGER, "
    "logged INTEGER, fixed INTEGER, denied INTEGER, skipped INTEGER, shared INTEGER, sample BLOB, "
    "command_pid INTEGER, command_start INTEGER, command_comm BLOB, command_exe BLOB, "
    "command_cmdline BLOB, " GUARD_OWN_COLUMNS
    ");"
    "CREATE INDEX incidents_by_time ON incidents (last_seen);"
    "CREATE INDEX incidents_open ON incidents (number) WHERE closed = 0;"
    "CREATE INDEX incidents_by_cmdline ON incidents (command_cmdline);"
    "CREATE INDEX incidents_by_exe ON incidents (command_exe);"
    "CREATE INDEX incidents_by_comm ON incidents (command_comm);"

    "CREATE TABLE chapters (number INTEGER PRIMARY KEY, incident INTEGER NOT NULL, "
    "first_time INTEGER NOT NULL, last_time INTEGER NOT NULL, policy BLOB, severity INTEGER, "
    "login_uid INTEGER, login_user BLOB, human BLOB);"
    "CREATE INDEX chapters_by_incident ON chapters (incident);"
    "CREATE INDEX chapters_by_time ON chapters (last_time);"
    "CREATE INDEX chapters_by_policy ON chapters (policy, last_time);"
    "CREATE INDEX chapters_by_login_uid ON chapters (login_uid);"
    "CREATE INDEX chapters_by_login_user ON chapters (login_user);"
    "CREATE INDEX chapters_by_human ON chapters (human);"

    "CREATE TABLE kinds (chapter INTEGER, number INTEGER, boot_id BLOB, policy_file BLOB, "
    "policy_line INTEGER, generation INTEGER, backend INTEGER, category BLOB, guard INTEGER, "
    "operation INTEGER, file_type INTEGER, uid_wanted INTEGER, gid_wanted INTEGER, "
    "mode_wanted INTEGER, owner_wanted BLOB, group_wanted BLOB, action INTEGER, reason BLOB, "
    "PRIMARY KEY (chapter, number)) WITHOUT ROWID;"
    "CREATE TABLE actors (chapter INTEGER, number INTEGER, pid INTEGER, tid INTEGER, "
    "start_time INTEGER, ppid INTEGER, comm BLOB, exe BLOB, cmdline BLOB, setting INTEGER, "
    "parent INTEGER, PRIMARY KEY (chapter, number)) WITHOUT ROWID;"
    "CREATE TABLE settings (chapter INTEGER, number INTEGER, cwd BLOB, tty BLOB, uid INTEGER, "
    "euid INTEGER, fsuid INTEGER, gid INTEGER, session INTEGER, session_id BLOB, "
    "session_service BLOB, session_tty BLOB, session_remote_host BLOB, unit BLOB, slice BLOB, "
    "cgroup BLOB, container BLOB, container_runtime BLOB, cron_uid INTEGER, cron_user BLOB, "
    "label BLOB, human_source BLOB, hint_sudo_user BLOB, hint_ssh BLOB, PRIMARY KEY (chapter, "
    "number)) WITHOUT ROWID;"
    "CREATE TABLE ancestors (chapter INTEGER, number INTEGER, pid INTEGER, start_time INTEGER, "
    "comm BLOB, exe BLOB, cmdline BLOB, parent INTEGER, PRIMARY KEY (chapter, number)) "
    "WITHOUT ROWID;"

    "CREATE TABLE violations (number INTEGER PRIMARY KEY, " GUARD_OWN_COLUMNS
    ");"
    "CREATE INDEX violations_by_time ON violations (time);"
    "CREATE INDEX violations_by_chapter ON violations (chapter, time);"
    "CREATE INDEX violations_by_path ON violations (path, time, chapter);",

    "ALTER TABLE incidents ADD COLUMN unlisted INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE fixed_files (violation INTEGER PRIMARY KEY, count INTEGER NOT NULL, "
    "files BLOB NOT NULL);",

    "CREATE TABLE policy_sizes (policy BLOB PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO policy_sizes SELECT coalesce(c.policy, x''), sum(" GUARD_ROW_SIZE
    " + coalesce(length(f.files), 0)) FROM violations v JOIN chapters c ON c.number = v.chapter "
    "LEFT JOIN fixed_files f ON f.violation = v.number GROUP BY 1;"
    "CREATE TRIGGER violation_added AFTER INSERT ON violations BEGIN " GUARD_COUNT(
        GUARD_POLICY_OF("new.chapter"), GUARD_ROW_SIZE) " END;"
    "CREATE TRIGGER violation_removed AFTER DELETE ON violations BEGIN " GUARD_COUNT(
        GUARD_POLICY_OF("old.chapter"), "-" GUARD_ROW_SIZE) " END;"
    "CREATE TRIGGER files_added AFTER INSERT ON fixed_files BEGIN " GUARD_COUNT(
        GUARD_POLICY_OF("(SELECT chapter FROM violations WHERE number = new.violation)"),
        "length(new.files)") " END;"
    "CREATE TRIGGER files_removed AFTER DELETE ON fixed_files BEGIN " GUARD_COUNT(
        GUARD_POLICY_OF("(SELECT chapter FROM violations WHERE number = old.violation)"),
        "-length(old.files)") " END;",

    GUARD_ADD_TIMES("violations") GUARD_ADD_TIMES("incidents")
    "ALTER TABLE incidents ADD COLUMN shared_more INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE incidents ADD COLUMN commands BLOB;"
    "ALTER TABLE incidents ADD COLUMN directory BLOB;"
    GUARD_ADD("kinds", "host BLOB") GUARD_ADD("kinds", "machine_id BLOB")
    GUARD_ADD("kinds", "owner_before BLOB") GUARD_ADD("kinds", "group_before BLOB")
    GUARD_ADD("kinds", "owner_after BLOB") GUARD_ADD("kinds", "group_after BLOB")
    GUARD_ADD("settings", "egid INTEGER") GUARD_ADD("settings", "uid_name BLOB")
    GUARD_ADD("settings", "euid_name BLOB") GUARD_ADD("settings", "fsuid_name BLOB")
    GUARD_ADD("settings", "gid_name BLOB") GUARD_ADD("settings", "egid_name BLOB")
    GUARD_ADD("settings", "container_name BLOB") GUARD_ADD("settings", "image BLOB")
    GUARD_ADD("settings", "pod BLOB")
    GUARD_ADD("actors", "command INTEGER")
    "CREATE TABLE commands (chapter INTEGER, number INTEGER, pid INTEGER, start_time INTEGER, "
    "comm BLOB, exe BLOB, cmdline BLOB, cwd BLOB, PRIMARY KEY (chapter, number)) WITHOUT ROWID;"
    "CREATE INDEX commands_by_cmdline ON commands (cmdline);"
    "CREATE INDEX commands_by_exe ON commands (exe);"
    "CREATE INDEX commands_by_comm ON commands (comm);",

    GUARD_ADD("kinds", "owner_in_container BLOB") GUARD_ADD("kinds", "user_in_container BLOB")};

#undef GUARD_ADD
#undef GUARD_ADD_TIMES
#undef GUARD_COUNT
#undef GUARD_POLICY_OF
#undef GUARD_ROW_SIZE

#undef GUARD_OWN_COLUMNS

// The log is synced at each commit, at most twice per second on a thread of its own, so that
// committed records survive a loss of power. Free pages are returned to the disk step by step,
// which must be configured before the first table is created.
constexpr const char* kHow =
    "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
    "PRAGMA cache_size = -1024; PRAGMA wal_autocheckpoint = 1000; "
    "PRAGMA journal_size_limit = 4194304; PRAGMA busy_timeout = 250";

Error newer(std::int64_t version) {
  return Error("it was written by a newer guardd (version " + std::to_string(version) + ")");
}

}  // namespace

Status migrate(Database& database, std::span<const char* const> steps) {
  GUARD_TRY(auto version, database.number("PRAGMA user_version"));
  const auto present = static_cast<std::int64_t>(steps.size());
  if (version > present) return newer(version);
  for (; version < present; ++version) {
    const auto whole = std::string("BEGIN IMMEDIATE;") + steps[static_cast<std::size_t>(version)] +
                       ";PRAGMA user_version = " + std::to_string(version + 1) + "; COMMIT;";
    if (auto done = database.run(whole.c_str()); !done) {
      (void)database.run("ROLLBACK");  // SQLite may have done so by itself
      return done;
    }
  }
  return {};
}

Status prepare_trail(Database& database) {
  GUARD_CHECK(database.run(kHow));
  return migrate(database, kSteps);
}

Status check_trail(Database& database) {
  GUARD_CHECK(database.run("PRAGMA busy_timeout = 1000"));
  GUARD_TRY(const auto version, database.number("PRAGMA user_version"));
  const auto present = static_cast<std::int64_t>(kSteps.size());
  if (version > present) return newer(version);
  if (version < present)
    return Error("it was written by an older guardd (version " + std::to_string(version) +
                 "); guardd upgrades it when it starts");
  return {};
}

}  // namespace guard
