#include "guardd/request_process/undo.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <map>
#include <unordered_map>
#include <utility>

#include "guardd/files/object.h"
#include "guardd/files/proc_path.h"
#include "guardd/host/clock.h"
#include "guardd/repair/repair.h"

namespace guard {
namespace {

constexpr std::uint32_t kSetIdBits = 06000;

Ownership current_ownership(const ObjectState& state) {
  return {state.uid, state.gid, state.mode};
}

// A file that is younger than the repair is another one that got the same inode number.
bool is_younger(const Object& object, std::chrono::system_clock::time_point time) {
  struct statx facts {};
  if (::statx(object.fd.get(), "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_BTIME, &facts) != 0)
    return true;
  const auto since_epoch = std::chrono::nanoseconds(time.time_since_epoch()).count();
  return (facts.stx_mask & STATX_BTIME) != 0 && nanoseconds(facts.stx_btime) > since_epoch;
}

// A write lease is granted only if nobody else has the file open. It lasts as long as the
// descriptor.
class SoleOpener {
 public:
  explicit SoleOpener(const Object& object) {
    if (object.state.type != FileType::kRegular) return;
    file_ = Fd(::open(ProcPath(object).text(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOATIME));
    (void)std::signal(SIGIO, SIG_IGN);  // from a lease that is broken
    has_others_ = file_ && ::fcntl(file_.get(), F_SETLEASE, F_WRLCK) < 0 && errno == EAGAIN;
  }
  bool has_others() const { return has_others_; }

 private:
  Fd file_;
  bool has_others_ = false;
};

Skip skip_of(const Error& error) {
  switch (error.code()) {
    case ENOENT:
    case ENOTDIR:
      return Skip::kGone;
    case ELOOP:
      return Skip::kReplaced;
    case EXDEV:
      return Skip::kOtherMount;
    default:
      return Skip::kNone;
  }
}

Skip obstacle(const Object& root, const Object& object, const Fix& fix) {
  if (object.id != fix.object || is_younger(object, fix.time)) return Skip::kReplaced;
  if (!can_fix(Operation::kScan, object.state.type)) return Skip::kSpecial;
  if (object.is_mount_point && object.id != root.id) return Skip::kMountPoint;
  if (object.is_immutable) return Skip::kImmutable;
  if (object.state.type == FileType::kDirectory) return Skip::kNone;
  if (object.state.links != 1) return Skip::kHardLink;
  if (object.state.type != FileType::kRegular) return Skip::kNone;
  // A change of owner would remove both.
  if ((object.state.mode.value & kSetIdBits) != 0) return Skip::kSetId;
  const ProcPath name(object);
  return ::getxattr(name.text(), "security.capability", nullptr, 0) > 0 ? Skip::kCapabilities
                                                                        : Skip::kNone;
}

// Removes bits before the owner changes and adds them afterwards, so that no user has more access
// in between. Returns the first error.
int restore_to(const Object& object, const Ownership& before) {
  const auto now = object.state.mode;
  const auto mode = before.mode;
  const bool has_mode = object.state.type != FileType::kSymlink;
  const Mode common{now.value & mode.value};
  if (has_mode && common != now)
    if (const int code = change_mode(object, common)) return code;
  if (const int code = change_owner(object, before.uid, before.gid)) {
    if (has_mode && common != now) (void)change_mode(object, now);
    return code;
  }
  return has_mode && mode != common ? change_mode(object, mode) : 0;
}

class UndoRun {
 public:
  UndoRun(const std::vector<Fix>& fixes, const PolicySet& set, LeftAlone* left_alone)
      : fixes_(fixes), set_(set), left_alone_(left_alone) {
    for (const auto& fix : fixes) {
      auto& last = last_fix_[fix.object];
      last = std::max(last, fix.time);
    }
  }

  // Why the file was not restored; empty if it was.
  std::string undo(std::size_t number) {
    const auto& fix = fixes_[number];
    const auto* tree = set_.tree_of(fix.path);
    if (!tree) return "it is in no tree of a policy any longer";
    auto root = roots_.find(tree);
    if (root == roots_.end()) root = roots_.emplace(tree, open_tree(tree->root())).first;
    if (!root->second) return root->second.error().text();
    return restore(*root->second, PolicySet::relative(*tree, fix.path), number);
  }

  std::vector<RestoredFile> restored() && { return std::move(restored_); }

 private:
  std::string restore(const Object& root, std::string_view path, std::size_t number) {
    const auto& fix = fixes_[number];
    auto opened = open_object(root, path);
    if (!opened) {
      const auto skip = skip_of(opened.error());
      return skip == Skip::kNone ? opened.error().text() : std::string(reason_text(skip));
    }
    auto& object = *opened;
    if (const auto skip = obstacle(root, object, fix); skip != Skip::kNone)
      return std::string(reason_text(skip));
    // A file that was fixed more than once is restored as often.
    const auto again = places_.find(object.id);
    const auto expected = again == places_.end() ? fix.after : restored_[again->second].to;
    const auto now =
        again != places_.end() && !left_alone_ ? expected : current_ownership(object.state);
    if (now != expected) {
      if (now == fix.before) return "it is already as it was before";
      return fmt::format("it was changed after the fix: it is {}:{} {:04o} now", now.uid.value,
                         now.gid.value, now.mode.value);
    }
    // Root may trust what belongs to root: a program that it runs, or a file that nobody else
    // reads.
    const bool is_first = again == places_.end();
    if (is_first && object.state.type == FileType::kRegular &&
        has_changed_since(object, last_fix_[object.id]))
      return "its owner has changed it since the fix; look at it, then use chown";
    const SoleOpener opener(object);  // until it is restored
    if (opener.has_others())
      return "a process has it open, and could read or write it after the undo; stop that process";
    const Ownership before{fix.before.uid, fix.before.gid,
                           Mode{fix.before.mode.value & ~(kSetIdBits & ~now.mode.value)}};
    if (left_alone_) {
      if (const int code = restore_to(object, before))
        return Error::from_errno(code, "it cannot be restored").text();
      if (const auto looked = refresh(object); !looked) return looked.error().text();
      if (current_ownership(object.state) != before)
        return "another process changed it during the undo";
      if (auto id = FileId::of(object.fd.get())) left_alone_->add({*std::move(id), object.changed});
    }
    if (again == places_.end()) {
      places_.emplace(object.id, restored_.size());
      restored_.push_back({number, now, before});
    } else {
      restored_[again->second].to = before;
    }
    return "";
  }

  // The fix itself gave it a new ctime, just before it was recorded.
  static bool has_changed_since(const Object& object, std::chrono::system_clock::time_point fix) {
    constexpr auto kSameMoment = std::chrono::milliseconds(20);
    const auto since = std::chrono::nanoseconds((fix + kSameMoment).time_since_epoch()).count();
    return object.changed > since;
  }

  const std::vector<Fix>& fixes_;
  const PolicySet& set_;
  LeftAlone* left_alone_;
  std::unordered_map<InodeId, std::chrono::system_clock::time_point> last_fix_;
  std::map<const Tree*, Result<Object>> roots_;
  std::vector<RestoredFile> restored_;
  std::unordered_map<InodeId, std::size_t> places_;  // in restored_
};

}  // namespace

UndoReport undo(const std::vector<Fix>& fixes, const PolicySet& set, LeftAlone* left_alone,
                const std::stop_token& stop, std::atomic<std::uint64_t>& done) {
  UndoReport report;
  UndoRun run(fixes, set, left_alone);
  for (std::size_t number = 0; number < fixes.size(); ++number, ++done) {
    auto why = stop.stop_requested() ? "the undo was stopped before" : run.undo(number);
    if (!why.empty()) report.left.push_back({number, std::move(why)});
  }
  report.restored = std::move(run).restored();
  return report;
}

}  // namespace guard
