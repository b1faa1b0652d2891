#include "guardd/repair/repair.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>

#include "guardd/files/proc_path.h"

namespace guard {
namespace {

constexpr std::uint32_t kSetIdBits = 06000;
constexpr std::uint32_t kExecuteBits = 0111;

constexpr const char* kAccessListName = "system.posix_acl_access";

template <typename Read>
AccessList read_access_list(Read read) {
  std::array<char, 4096> room;
  const auto size = read(room.data(), room.size());
  if (size > 0) return AccessList::parse({room.data(), static_cast<std::size_t>(size)});
  const bool has_none = size == 0 || errno == ENODATA || errno == EOPNOTSUPP;
  return has_none ? AccessList::none() : AccessList::unknown();
}

// A regular file, open for reading while it is checked and changed. Opens nothing else: that can
// have effects.
class Check {
 public:
  Check(const Object& object, const RepairTask& task) : object_(object) {
    if (object.state.type != FileType::kRegular) return;
    if (!object.is_readable) {
      const ProcPath name(object, task.own_descriptors);
      opened_ = Fd(::openat(name.at(), name.text(),
                            O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOATIME));
    }
    file_ = object.is_readable ? object.fd.get() : opened_.get();
    // Most files have no attribute at all.
    has_attributes_ = file_ < 0 || ::flistxattr(file_, nullptr, 0) != 0;
  }

  // Capabilities mean nothing on a file that nobody can execute.
  bool has_capabilities() const {
    return object_.state.type == FileType::kRegular && has_attributes_ &&
           (object_.state.mode.value & kExecuteBits) != 0 &&
           get("security.capability", nullptr, 0) > 0;
  }

  AccessList access_list() const {
    if (!has_attributes_ || object_.state.type == FileType::kSymlink) return AccessList::none();
    return read_access_list(
        [this](char* room, std::size_t size) { return get(kAccessListName, room, size); });
  }

  // The kernel grants a read lease only if no process has the file open for writing. As long as it
  // is held, an open for writing waits. Fails open: without leases, the file's close is the only
  // sign that it has settled.
  bool is_being_written() {
    static const auto ignored = std::signal(SIGIO, SIG_IGN);  // from a lease that is broken
    (void)ignored;
    if (file_ < 0 || has_lease_) return false;
    has_lease_ = ::fcntl(file_, F_SETLEASE, F_RDLCK) == 0;
    return !has_lease_ && errno == EAGAIN;
  }
  // Before anything that can take longer than a moment.
  void let_writers_in() {
    if (has_lease_) (void)::fcntl(file_, F_SETLEASE, F_UNLCK);
    has_lease_ = false;
  }

 private:
  ssize_t get(const char* name, char* room, std::size_t size) const {
    return file_ >= 0 ? ::fgetxattr(file_, name, room, size)
                      : ::getxattr(ProcPath(object_).text(), name, room, size);
  }

  const Object& object_;
  Fd opened_;
  int file_ = -1;  // open for reading
  bool has_attributes_ = true;
  bool has_lease_ = false;
};

// Where the object was found: in this directory, which is the tree's root if it is that itself.
struct Place {
  const Object& root;
  int directory;
};

// Evidence for handing the object over to the owner and group that the policy wants there. What
// reveals nothing needs no witness.
std::optional<Evidence> evidence_for(const Object& object, Check& check, const Place& place,
                                     const RepairTask& task, const WantedState& wanted) {
  if (task.is_reachable) {
    if (auto evidence = nothing_is_revealed(wanted, object.state, check.access_list()))
      return evidence;
  }
  if (!task.witness) return std::nullopt;
  const auto id = FileId::of(object.fd.get());
  const auto directory = FileId::of(place.directory);
  if (!id || !directory) return std::nullopt;
  check.let_writers_in();
  return task.witness->evidence_for({object.fd.get(), *id, *directory, wanted.ids()});
}

// The file is the owner's now, and only guardd can tell so if another user takes it.
void remember(const Object& object, const Place& place, const RepairTask& task, OwnerIds owner) {
  if (!task.witness || !task.witness->has_memory() || !is_hidden_from_others(object.state)) return;
  const auto id = FileId::of(object.fd.get());
  const auto directory = FileId::of(place.directory);
  if (id && directory) task.witness->remember(*directory, {&*id, 1}, owner);
}

// Fails safe: a file without an identity is not the expected one.
bool is_same(const Object& object, const FileId& expected) {
  const auto id = FileId::of(object.fd.get());
  return id && id->is_like(expected);
}

// What prevents a wrong object from being fixed, the plainest reason first.
Skip obstacle(const Place& place, const Object& object, Check& check, const RepairTask& task,
              const Verdict& verdict) {
  if (task.expected && !is_same(object, *task.expected)) return Skip::kReplaced;
  if (!can_fix(Operation::kScan, object.state.type)) return Skip::kSpecial;
  if (object.is_mount_point && object.id != place.root.id) return Skip::kMountPoint;
  const bool regular = object.state.type == FileType::kRegular;
  if (object.state.type != FileType::kDirectory && object.state.links > 1) return Skip::kHardLink;
  if (regular && object.state.links == 0) return Skip::kGone;
  if (regular && (object.state.mode.value & kSetIdBits) != 0) return Skip::kSetId;
  if (task.is_fresh && check.is_being_written()) return Skip::kBusy;
  if (verdict.action < Action::kFix) return Skip::kLogOnly;
  if (task.war) return Skip::kWar;
  if (!verdict.deviation.is_fixable()) return Skip::kModeOnly;
  if (object.is_immutable) return Skip::kImmutable;
  if (check.has_capabilities()) return Skip::kCapabilities;
  if (!task.is_requested && !evidence_for(object, check, place, task, *verdict.wanted))
    return Skip::kNoEvidence;
  return check.is_being_written() ? Skip::kBusy : Skip::kNone;
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
  if (task.subject->user == owner && state.uid != owner) return false;
  return !is_violation(*task.policy, *task.subject, change);
}

RepairOutcome repair_opened(const Place& place, Result<Object> opened, const RepairTask& task) {
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

  Check check(object, task);  // until the object is changed
  const auto skip = obstacle(place, object, check, task, outcome.verdict);
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
  remember(object, place, task, outcome.verdict.wanted->ids());
  return outcome;
}

}  // namespace

AccessList access_list_of(int directory) {
  return read_access_list([&](char* room, std::size_t size) {
    return ::fgetxattr(directory, kAccessListName, room, size);
  });
}

// Whether the owner can enter each directory on the way, the root and the directory included.
bool TreeRepair::is_reachable(std::string_view directory, const WantedState& owner) const {
  const auto can_enter = [&](const Object& above) {
    return above.state.uid == owner.owner.id ||
           could_enter(owner, above.state, Check(above, {}).access_list());
  };
  for (std::size_t end = directory.find('/'); end != std::string_view::npos;
       end = directory.find('/', end + 1)) {
    const auto above = open_object(root_, directory.substr(0, end));
    if (!above || !can_enter(*above)) return false;
  }
  const auto root = open_object(root_, {});  // as it is now
  if (!root || !can_enter(*root)) return false;
  const auto& state = directory_->state();
  return state.uid == owner.owner.id ||
         could_enter(owner, state, access_list_of(directory_->descriptor()));
}

Status TreeRepair::enter(std::string_view directory, const WantedState& owner) {
  const auto now = std::chrono::steady_clock::now();
  if (directory_ && directory_->path() == directory && owner_ == owner.owner.id &&
      now - opened_at_ < Directory::kMoment)
    return {};
  directory_.reset();
  GUARD_TRY(directory_, Directory::open(root_, directory));
  owner_ = owner.owner.id;
  is_reachable_ = is_reachable(directory, owner);
  opened_at_ = now;
  return {};
}

RepairOutcome TreeRepair::repair(const RepairTask& task) {
  const auto path = task.relative_path;
  if (path.empty()) return repair_opened({root_, root_.fd.get()}, open_object(root_, {}), task);
  const auto slash = path.rfind('/');
  const bool has_slash = slash != std::string_view::npos;
  const auto* wanted = wanted_at(*task.policy, path);
  const auto entered =
      enter(path.substr(0, has_slash ? slash : 0), wanted ? *wanted : task.policy->wanted);
  if (!entered) return not_opened(entered.error());
  auto here = task;
  here.is_reachable = is_reachable_;
  const std::string name(path.substr(has_slash ? slash + 1 : 0));
  return repair_entry(root_, directory_->descriptor(), name.c_str(), here);
}

RepairOutcome repair_entry(const Object& root, int directory, const char* name,
                           const RepairTask& task) {
  return repair_opened({root, directory}, open_entry(root, directory, name), task);
}

RepairOutcome repair_entry(const Object& root, int directory, Object opened,
                           const RepairTask& task) {
  return repair_opened({root, directory}, std::move(opened), task);
}

RepairOutcome repair_directory(const Object& root, const Directory& directory,
                               const RepairTask& task) {
  const Fd above(::openat(directory.descriptor(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!above) return failed({}, Error::from_errno(errno, "open the directory above").text());
  return repair_opened({root, above.get()}, open_entry(root, directory.descriptor(), "."), task);
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
      return "the owner or group could not read it before, and guardd did not see that it was "
             "created here";
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
