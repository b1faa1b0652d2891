// Puts one object right: owner, group, and permission bits it has too many of. Acts on a descriptor
// that is held from the first look to the last, and would rather leave a wrong owner than hand over
// a file that the owner could not have had. Never follows a link, crosses a mount, adds a
// permission bit or touches a device. Runs wherever it is called; it can wait for the file system,
// so never where an answer is due.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "guardd/evidence/evidence.h"
#include "guardd/files/file_id.h"
#include "guardd/files/object.h"
#include "guardd/repair/left_alone.h"
#include "policy/judge.h"
#include "policy/policy_set.h"

namespace guard {

enum class RepairResult : std::uint8_t { kFixed, kRight, kSkipped, kFailed };

// Why a wrong object is left as it is. Each is a sentence in reason_text().
enum class Skip : std::uint8_t {
  kNone,
  kGone,
  kReplaced,    // another inode stands there now
  kNotWanted,   // the policy's ladder does not reach "fix" here
  kNoEvidence,  // and the owner would gain access to content
  kAccessList,  // and no evidence: what the owner could do before, the mode does not tell
  kBusy,        // somebody has it open for writing
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
  kModeOnly,  // nothing is wrong but permission bits it lacks
  kExempt,    // the policy allows it to whoever did it
  kExcused,   // whoever did it is: it is left, and remembered as it was left
  kUndone,    // a person has undone its repair, and nobody has changed it since
  kWar,       // it was put right too often already
};

struct RepairOutcome {
  RepairResult what = RepairResult::kRight;
  Skip skip = Skip::kNone;
  InodeId id;
  Verdict verdict;  // of the state found
  ObjectState before;
  ObjectState after;
  std::string error;  // kFailed: what the kernel said
};

struct RepairTask {
  const Policy* policy = nullptr;
  std::string_view relative_path;
  const FileId* expected = nullptr;  // the file that the evidence is about; null: whatever is there
  Evidence evidence = Evidence::kNone;
  bool dry_run = false;  // say what would be done
  // /proc/thread-self/fd, held open by whoever puts many right: finding it anew takes longer than
  // the rest of the remedy. Of this very process: not to be kept across a fork. -1: it is found
  // anew.
  int own_descriptors = -1;
  // Who did what, where that is known: the policy may allow it. kScan: nobody saw it happen.
  const Subject* subject = nullptr;
  Operation operation = Operation::kScan;
  bool war = false;  // somebody keeps undoing it
  // It has just come to rest, and may be in the making still: whether somebody writes it is asked
  // before anything is said of it.
  bool is_fresh = false;
  const LeftAlone* left_alone = nullptr;  // what is to be left as it is; null: nothing
  LeftAlone* excused = nullptr;           // whoever did it is, and this is where it is remembered
};

RepairOutcome repair(const Object& root, const RepairTask& task);

// The same for one name in an open directory, known to be where task.relative_path says: see
// open_entry(). The path is only judged by.
RepairOutcome repair_entry(const Object& root, int directory, const char* name,
                           const RepairTask& task);

// Whether owning it would show the owner something that it could not have read before; of a
// directory, whether the owner could not have come to what is in it.
bool would_reveal(const ObjectState& state, const Wanted& wanted);

std::string_view reason_text(Skip skip);

}  // namespace guard
