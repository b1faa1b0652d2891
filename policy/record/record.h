// The records that guardd publishes: violations, incidents and their actors. JSON, the journal, the
// bus and the audit trail use the same fields and names. An unknown value is absent: never guessed,
// never zero.
#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/base/ids.h"
#include "policy/object_times.h"
#include "policy/words.h"

namespace guard {

// One ancestor of an actor, as far as it is known.
struct Ancestor {
  std::int32_t pid = 0;
  std::uint64_t start_time = 0;  // as in Actor; 0: unknown
  std::string comm;
  std::string exe;
  std::string cmdline;
  std::string cwd{};  // only of the command of an actor
  friend bool operator==(const Ancestor&, const Ancestor&) = default;
};

// A process at the time of its action, or at its end if it has already exited.
struct Actor {
  std::optional<std::int32_t> pid;  // the thread group
  std::optional<std::int32_t> tid;
  std::optional<std::uint64_t>
      start_time;  // nanoseconds since boot, as in /proc/PID/stat but exact
  std::optional<std::int32_t> ppid;
  std::optional<std::string> comm;
  std::optional<std::string> exe;
  std::optional<std::string> cmdline;  // as typed in a shell, bounded
  std::optional<std::string> cwd;
  std::optional<std::string> tty;
  std::optional<Uid> uid;
  std::optional<Uid> euid;
  std::optional<Uid> fsuid;
  std::optional<Gid> gid;  // fsgid: the group of new files
  std::optional<Gid> egid;
  std::optional<std::string> uid_name;
  std::optional<std::string> euid_name;
  std::optional<std::string> fsuid_name;
  std::optional<std::string> gid_name;
  std::optional<std::string> egid_name;
  std::optional<Uid> login_uid;  // absent when unset
  std::optional<std::string> login_user;
  std::optional<std::uint32_t> session;   // the audit session
  std::optional<std::string> session_id;  // from logind, as are the next three
  std::optional<std::string> session_service;
  std::optional<std::string> session_tty;
  std::optional<std::string> session_remote_host;
  std::optional<std::string> unit;
  std::optional<std::string> slice;
  std::optional<std::string> cgroup;
  std::optional<std::string> container;  // its id, or the name of a machine
  std::optional<std::string> container_runtime;
  std::optional<std::string> container_name;  // from the files of the runtime, as are the next two
  std::optional<std::string> image;
  std::optional<std::string> pod;  // "NAMESPACE/NAME" in Kubernetes
  std::optional<Uid> cron_uid;     // the owner of the crontab
  std::optional<std::string> cron_user;
  std::optional<std::string> label;           // of the topmost ancestor that has one
  std::vector<Ancestor> lineage;              // parent first; at most eight
  Ancestor command;                           // see guardd/who/command.h; pid 0: unknown
  std::vector<std::string> via;               // the chain above the command, topmost first
  std::optional<std::string> human;           // the person behind the process, if any
  std::optional<std::string> human_source;    // how `human` is known: see guardd/who/describe.h
  std::optional<std::string> hint_sudo_user;  // from its environment; may be forged
  std::optional<std::string> hint_ssh;
  friend bool operator==(const Actor&, const Actor&) = default;
};

// The actor of a record. All records of one process share it, so copies of records cost little.
class SharedActor {
 public:
  SharedActor();            // nothing is known
  SharedActor(Actor actor)  // NOLINT(*-explicit-constructor): it is one
      : actor_(std::make_shared<const Actor>(std::move(actor))) {}

  const Actor& operator*() const { return *actor_; }
  const Actor* operator->() const { return actor_.get(); }
  // The actor of this record alone: others keep what they had, and so do earlier results.
  Actor& edit();
  void set_thread(std::optional<std::int32_t> thread);

  // Whether both are one object. Actors that are not can still be equal.
  friend bool operator==(const SharedActor&, const SharedActor&) = default;

 private:
  std::shared_ptr<const Actor> actor_;
};

enum class Outcome : std::uint8_t { kLogged, kFixed, kDenied, kSkipped };

template <>
struct Words<Outcome> {
  static constexpr std::array<std::string_view, 4> kAll{"logged", "fixed", "denied", "skipped"};
};

// Owner, group and mode at a point in time.
struct Ownership {
  Uid uid;
  Gid gid;
  Mode mode;

  friend bool operator==(const Ownership&, const Ownership&) = default;
};

struct Violation {
  std::string id;  // unique on this machine
  std::string incident;
  std::chrono::system_clock::time_point time;
  std::string boot_id;
  std::uint64_t monotonic_us = 0;
  std::string host;
  std::string machine_id;

  std::string policy;
  std::string policy_file;
  std::uint32_t policy_line = 0;
  std::uint64_t generation = 0;
  Backend backend = Backend::kFanotify;
  Severity severity = Severity::kMedium;
  std::string category;

  Guard guard = Guard::kOwnership;
  Operation operation = Operation::kCreate;
  std::string path;  // absolute, raw bytes
  std::optional<std::string> old_path;
  InodeId object;
  FileType file_type = FileType::kRegular;
  std::uint64_t links = 1;
  std::optional<ObjectTimes> times;  // and the size, when guardd looked at it

  std::optional<Ownership> before;  // before the fix
  std::optional<Ownership> after;   // after the fix
  std::string owner_before;         // the names; empty: unknown
  std::string group_before;
  std::string owner_after;
  std::string group_after;
  Uid uid_wanted;
  Gid gid_wanted;
  std::optional<Mode> mode_wanted;
  std::string owner_wanted;  // the names, for display
  std::string group_wanted;
  // What the actor's container calls the wanted owner, and the user who acted; empty: unknown. Who
  // is root in the container chooses these names.
  std::string owner_in_container;
  std::string user_in_container;
  bool tell = false;  // the policy's `tell`: notify the actor's terminal

  Outcome action = Outcome::kLogged;
  std::string reason;         // why it was not fixed; one sentence
  std::string_view skip{};    // with kSkipped: the same as one word, for metrics; not in records
  std::uint64_t repeats = 0;  // identical violations since the last one that were not published

  SharedActor actor;
};

// A set of the fields of a violation, by their place in kFields.
inline constexpr std::size_t kFieldCount = 89;
using FieldSet = std::bitset<kFieldCount>;

// A command of an incident, and how many violations it caused.
struct CountedCommand {
  Ancestor command;
  std::uint64_t count = 0;
  friend bool operator==(const CountedCommand&, const CountedCommand&) = default;
};

// The violations by one actor: of one command, or of a script with its commands.
struct Incident {
  static constexpr std::size_t kMostCommands = 8;

  std::string id;
  std::uint64_t count = 0;
  std::chrono::system_clock::time_point first_seen;
  std::chrono::system_clock::time_point last_seen;
  Ancestor command;                      // of its first violation; pid 0: unknown
  std::vector<CountedCommand> commands;  // the first different ones
  std::vector<std::string> sample;       // the first paths, raw
  std::string directory;                 // that contains all paths, raw
  std::array<std::uint64_t, Words<Outcome>::kAll.size()> by_outcome{};  // the count of each outcome
  std::uint64_t unlisted = 0;  // of `count`: fixed files without records of their own

  Violation first;
  FieldSet shared;  // the fields of `first` that all violations share
};

}  // namespace guard
