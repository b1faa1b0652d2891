// Fixes one object: owner, group, and excess permission bits. Holds one descriptor from the first
// check to the last change. Never follows a link, crosses a mount, adds a permission bit or touches
// a device. Any thread that may wait for a file system. Fails safe: it leaves a wrong owner rather
// than give the owner a file that it could not have read.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "guardd/evidence/access.h"
#include "guardd/evidence/witness.h"
#include "guardd/files/file_id.h"
#include "guardd/files/object.h"
#include "guardd/host/clock.h"
#include "guardd/repair/directory.h"
#include "guardd/repair/left_alone.h"
#include "policy/judge.h"
#include "policy/policy_set.h"
#include "policy/words.h"

namespace guard {

enum class RepairResult : std::uint8_t { kFixed, kCorrect, kSkipped, kFailed };

template <>
struct Words<RepairResult> {
  static constexpr std::array<std::string_view, 4> kAll{"fixed", "correct", "skipped", "failed"};
};

// Why a wrong object is left as it is; reason_text() has a sentence for each.
enum class Skip : std::uint8_t {
  kNone,
  kGone,
  kReplaced,    // its path leads to another inode
  kLogOnly,     // the policy's action here is below "fix"
  kNoEvidence,  // and the owner would gain access to content
  kBusy,        // open for writing
  kHardLink,
  kSpecial,  // FIFO, socket, device
  kMountPoint,
  kOtherMount,
  kSetId,
  kCapabilities,
  kImmutable,
  kReadOnly,
  kCannotChown,
  kQuota,
  kModeOnly,  // it only lacks permission bits
  kExempt,    // the policy allows it to the acting process
  kExcused,   // the acting process is excused; the file joins LeftAlone
  kUndone,    // a user has undone its fix, and it has not changed since
  kWar,       // it has been fixed too often already
};

// For metrics: they never change.
template <>
struct Words<Skip> {
  static constexpr std::array<std::string_view, 21> kAll{
      "",          "gone",      "replaced",     "log_only",    "no_evidence", "busy",
      "hard_link", "special",   "mount_point",  "other_mount", "set_id",      "capabilities",
      "immutable", "read_only", "cannot_chown", "quota",       "mode_only",   "exempt",
      "excused",   "undone",    "war"};
};

struct RepairOutcome {
  RepairResult what = RepairResult::kCorrect;
  Skip skip = Skip::kNone;
  InodeId id;
  Verdict verdict;  // on `before`
  ObjectState before;
  ObjectState after;
  std::string error;  // with kFailed
};

struct RepairTask {
  const Policy* policy = nullptr;
  std::string_view relative_path;
  const FileId* expected = nullptr;  // the file that the change was about; null: any
  Witness* witness = nullptr;        // null: only what the owner can read already is evidence
  bool is_requested = false;         // an authorized user has requested the fix: no evidence needed
  bool is_reachable = true;          // the owner can enter all directories above it
  bool dry_run = false;              // change nothing, but return what would be done
  // /proc/thread-self/fd, held open to speed up many repairs; not valid after a fork. -1: use the
  // full path.
  int own_descriptors = -1;
  // The acting process and what it did, if known: the policy may allow it. kScan: not known.
  std::optional<Standing> subject;
  Operation operation = Operation::kScan;
  bool war = false;  // another process keeps undoing the fix
  // It has only just settled: check first whether it is open for writing.
  bool is_fresh = false;
  const LeftAlone* left_alone = nullptr;  // files to leave as they are; null: none
  LeftAlone* excused = nullptr;  // set if the acting process is excused: where to add the file
};

// Repairs objects of one tree. Holds the directory of the last one, for the next: see Directory.
class TreeRepair {
 public:
  explicit TreeRepair(const Object& root) : root_(root) {}
  RepairOutcome repair(const RepairTask& task);

 private:
  Status enter(std::string_view directory, const WantedState& owner);
  bool is_reachable(std::string_view directory, const WantedState& owner) const;

  const Object& root_;
  std::shared_ptr<Directory> directory_;
  Uid owner_;
  bool is_reachable_ = false;  // for that owner, since the directory was opened
  SteadyTime opened_at_;
};

inline RepairOutcome repair(const Object& root, const RepairTask& task) {
  return TreeRepair(root).repair(task);
}

// The same for one name in an open directory: see open_entry(). task.relative_path is the path of
// the object, and used only to judge it. The caller knows whether the owner can reach it.
RepairOutcome repair_entry(const Object& root, int directory, const char* name,
                           const RepairTask& task);
// The same for an object that open_entry() has opened there.
RepairOutcome repair_entry(const Object& root, int directory, Object opened,
                           const RepairTask& task);

// The same for the directory itself, which the owner can reach, and is not the tree's root.
RepairOutcome repair_directory(const Object& root, const Directory& directory,
                               const RepairTask& task);

// Of a directory that is open for reading.
AccessList access_list_of(int directory);

std::string_view reason_text(Skip skip);

}  // namespace guard
