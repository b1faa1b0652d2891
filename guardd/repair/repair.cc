#include "guardd/repair/repair.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "guardd/files/proc_path.h"

namespace guard {
namespace {

constexpr std::uint32_t kSetIdBits = 06000;
constexpr std::uint32_t kOtherRead = 0004;
constexpr std::uint32_t kOtherSearch = 0001;
constexpr std::uint32_t kGroupRead = 0040;
constexpr std::uint32_t kGroupSearch = 0010;

// Opens only regular files: opening anything else can have effects.
Fd open_to_check(const Object& object, const RepairTask& task) {
  if (object.state.type != FileType::kRegular) return {};
  const ProcPath name(object, task.own_descriptors);
  return Fd(
      ::openat(name.at(), name.text(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOATIME));
}

// `opened` is empty if the object could not be opened.
bool has_attribute(const Object& object, const Fd& opened, const char* name) {
  return (opened ? ::fgetxattr(opened.get(), name, nullptr, 0)
                 : ::getxattr(ProcPath(object).text(), name, nullptr, 0)) > 0;
}

bool has_capabilities(const Object& object, const Fd& opened) {
  return object.state.type == FileType::kRegular &&
         has_attribute(object, opened, "security.capability");
}

// The mode's group bits are then the limits of the list, and the list can deny a user what the mode
// grants to all.
bool has_access_list(const Object& object, const Fd& opened) {
  return object.state.type != FileType::kSymlink &&
         has_attribute(object, opened, "system.posix_acl_access");
}

// The kernel grants a read lease only if no process has the file open for writing. It is released
// at once; an open for writing waits that long. Fails open: without leases, the file's close is the
// only sign that it has settled.
bool is_being_written(const Fd& opened) {
  if (!opened) return false;
  // A broken lease sends a signal: one that is ignored by default, not SIGIO.
  (void)::fcntl(opened.get(), F_SETSIG, SIGURG);
  if (::fcntl(opened.get(), F_SETLEASE, F_RDLCK) < 0) return errno == EAGAIN;
  return false;  // closing the file releases the lease
}

// Fails safe: a file without an identity is not the expected one.
bool is_same(const Object& object, const FileId& expected) {
  const auto id = FileId::of(object.fd.get());
  return id && *id == expected;
}

// What prevents a wrong object from being fixed, the plainest reason first.
Skip obstacle(const Object& root, const Object& object, const RepairTask& task,
              const Verdict& verdict) {
  if (task.expected && !is_same(object, *task.expected)) return Skip::kReplaced;
  if (!can_fix(Operation::kScan, object.state.type)) return Skip::kSpecial;
  if (object.is_mount_point && object.id != root.id) return Skip::kMountPoint;
  const bool regular = object.state.type == FileType::kRegular;
  if (object.state.type != FileType::kDirectory && object.state.links > 1) return Skip::kHardLink;
  if (regular && object.state.links == 0) return Skip::kGone;
  if (regular && (object.state.mode.value & kSetIdBits) != 0) return Skip::kSetId;
  const auto opened = open_to_check(object, task);
  if (task.is_fresh && is_being_written(opened)) return Skip::kBusy;
  if (verdict.action < Action::kFix) return Skip::kLogOnly;
  if (task.war) return Skip::kWar;
  if (!verdict.deviation.is_fixable()) return Skip::kModeOnly;
  if (object.is_immutable) return Skip::kImmutable;
  if (has_capabilities(object, opened)) return Skip::kCapabilities;
  if (task.evidence == Evidence::kNone) {
    if (would_reveal(object.state, *verdict.wanted)) return Skip::kNoEvidence;
    if (verdict.deviation.owner && has_access_list(object, opened)) return Skip::kAccessList;
  }
  if (is_being_written(opened)) return Skip::kBusy;
  return Skip::kNone;
}

Skip skip_of(int code) {
  switch (code) {
    case EROFS:
      return Skip::kReadOnly;
    case EOPNOTSUPP:
    case EPERM:
      return Skip::kCannotChown;  // from vfat; immutable files have been handled before
    case EDQUOT:
      return Skip::kQuota;
    default:
      return Skip::kNone;
  }
}

// Removes bits before it changes the owner, so that no user has more access in between than before
// or afterwards.
int fix(Object& object, const Verdict& verdict) {
  if (verdict.deviation.mode_excess != 0) {
    const Mode mode{object.state.mode.value & ~verdict.deviation.mode_excess};
    if (const int code = change_mode(object, mode)) return code;
  }
  if (!verdict.deviation.owner && !verdict.deviation.group) return 0;
  return change_owner(object, verdict.wanted->owner.id, verdict.wanted->group.id);
}

RepairOutcome skipped(RepairOutcome outcome, Skip skip) {
  outcome.what = RepairResult::kSkipped;
  outcome.skip = skip;
  return outcome;
}

RepairOutcome failed(RepairOutcome outcome, std::string error) {
  outcome.what = RepairResult::kFailed;
  outcome.error = std::move(error);
  return outcome;
}

RepairOutcome not_opened(const Error& error) {
  switch (error.code()) {
    case ENOENT:
    case ENOTDIR:
      return skipped({}, Skip::kGone);
    case ELOOP:
      return skipped({}, Skip::kReplaced);  // a link has replaced a directory in the path
    case EXDEV:
      return skipped({}, Skip::kOtherMount);
    default:
      return failed({}, error.text());
  }
}

// Whether the policy allows the wrong state to the process that caused it.
bool is_exempt(const RepairTask& task, const ObjectState& state) {
  if (!task.subject) return false;
  Change change;
  change.operation = task.operation;
  change.direction = Direction::kInto;
  change.path = task.relative_path;
  change.type = state.type;
  change.uid = state.uid;
  change.gid = state.gid;
  change.mode = state.mode;
  // A process that acts as the owner now may have made the file as another user.
  const auto owner = task.policy->wanted.owner.id;
  if (task.subject->self.uid == owner && state.uid != owner) return false;
  return !judge(*task.policy, *task.subject, change).violation();
}

RepairOutcome repair_opened(const Object& root, Result<Object> opened, const RepairTask& task) {
  if (!opened) return not_opened(opened.error());
  auto& object = *opened;

  RepairOutcome outcome;
  outcome.id = object.id;
  outcome.before = outcome.after = object.state;
  outcome.verdict = judge(*task.policy, task.relative_path, object.state);
  if (!outcome.verdict.violation()) return outcome;
  if (is_exempt(task, object.state)) return skipped(std::move(outcome), Skip::kExempt);
  if (task.left_alone && task.left_alone->contains(object))
    return skipped(std::move(outcome), Skip::kUndone);

  const auto skip = obstacle(root, object, task, outcome.verdict);
  // A file that is still being written is not in its final state.
  if (task.excused && skip != Skip::kBusy && skip != Skip::kReplaced) {
    if (auto id = FileId::of(object.fd.get())) task.excused->add({*std::move(id), object.changed});
    return skipped(std::move(outcome), Skip::kExcused);
  }
  if (skip != Skip::kNone) return skipped(std::move(outcome), skip);
  if (task.dry_run) {
    outcome.what = RepairResult::kFixed;
    return outcome;
  }
  if (const int code = fix(object, outcome.verdict)) {
    if (const auto why = skip_of(code); why != Skip::kNone) return skipped(std::move(outcome), why);
    return failed(std::move(outcome), Error::from_errno(code, "chown").text());
  }
  if (auto looked = refresh(object); !looked)
    return failed(std::move(outcome), looked.error().text());
  outcome.after = object.state;
  outcome.what = RepairResult::kFixed;
  return outcome;
}

}  // namespace

bool would_reveal(const ObjectState& state, const WantedState& wanted) {
  if (state.type == FileType::kSymlink) return false;
  const bool directory = state.type == FileType::kDirectory;
  const auto other = directory ? kOtherRead | kOtherSearch : kOtherRead;
  const auto group = directory ? kGroupRead | kGroupSearch : kGroupRead;
  const auto bits = state.mode.value;
  if (state.uid == wanted.owner.id) return false;
  if (state.gid == wanted.group.id) return (bits & group) != group;
  return (bits & other) != other;
}

RepairOutcome repair(const Object& root, const RepairTask& task) {
  return repair_opened(root, open_object(root, task.relative_path), task);
}

RepairOutcome repair_entry(const Object& root, int directory, const char* name,
                           const RepairTask& task) {
  return repair_opened(root, open_entry(root, directory, name), task);
}

std::string_view reason_text(Skip skip) {
  switch (skip) {
    case Skip::kNone:
      return "";
    case Skip::kGone:
      return "it no longer exists";
    case Skip::kReplaced:
      return "another file has replaced it";
    case Skip::kLogOnly:
      return "the policy only logs here";
    case Skip::kNoEvidence:
      return "guardd does not know which process brought it here, and the owner could not read it "
             "before";
    case Skip::kAccessList:
      return "it has an access list (ACL), and guardd does not know which process brought it here";
    case Skip::kBusy:
      return "a process has it open for writing";
    case Skip::kHardLink:
      return "it has another hard link, which may belong to another user";
    case Skip::kSpecial:
      return "it is a FIFO, a socket or a device";
    case Skip::kMountPoint:
      return "something is mounted on it";
    case Skip::kOtherMount:
      return "a mount lies between it and its tree";
    case Skip::kSetId:
      return "it is set-user-ID or set-group-ID";
    case Skip::kCapabilities:
      return "it has file capabilities";
    case Skip::kImmutable:
      return "it is immutable or append-only (chattr)";
    case Skip::kReadOnly:
      return "its file system is mounted read-only";
    case Skip::kCannotChown:
      return "its file system has no owners";
    case Skip::kQuota:
      return "the owner's disk quota is exhausted";
    case Skip::kExempt:
      return "the policy allows it";
    case Skip::kExcused:
      return "the process that changed it is excused";
    case Skip::kUndone:
      return "a user has undone its fix, and it has not changed since";
    case Skip::kWar:
      return "guardd and another process keep undoing each other's changes: change the policy or "
             "the other program";
    case Skip::kModeOnly:
      return "it only lacks permission bits, which guardd never adds";
  }
  return "";
}

}  // namespace guard
