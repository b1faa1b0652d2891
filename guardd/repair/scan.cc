#include "guardd/repair/scan.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "guardd/host/files.h"
#include "guardd/repair/walk.h"
#include "policy/base/handle.h"
#include "policy/base/text.h"
#include "policy/covered.h"

namespace guard {
namespace {

constexpr std::size_t kTroublesTold = 8;

// What is right wherever it stands, so that no path need be written to know it. Only rules can want
// something else at some path; what is excluded is not wrong either way.
class RightAnywhere {
 public:
  explicit RightAnywhere(const Policy& policy)
      : wanted_(policy.wanted), known_(policy.rules.empty()) {}

  bool is(const struct statx& facts) const {
    if (!known_ || facts.stx_uid != wanted_.owner.id.value ||
        facts.stx_gid != wanted_.group.id.value) {
      return false;
    }
    if (!wanted_.file_mode && !wanted_.dir_mode) return true;
    const auto mode = wanted_.mode_of(file_type(facts.stx_mode));
    return !mode || mode->value == (facts.stx_mode & 07777U);
  }

  bool is(const ObjectState& state) const {
    if (!known_ || state.uid != wanted_.owner.id || state.gid != wanted_.group.id) return false;
    const auto mode = wanted_.mode_of(state.type);
    return !mode || *mode == state.mode;
  }

 private:
  const Wanted& wanted_;
  bool known_;
};

class Inspector : public Visitor {
 public:
  Inspector(const Object& root, const ScanTask& task, const Covered& covered,
            const OnFinding& found, ScanProgress& progress, unsigned threads)
      : root_(root),
        task_(task),
        covered_(covered),
        found_(found),
        progress_(progress),
        right_(*task.policy),
        paths_(threads) {
    // Without it every remedy finds its way through /proc by itself.
    if (task.fix)
      own_descriptors_ = Fd(::open("/proc/thread-self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }

  void leaf(const Meeting& met) override {
    struct statx facts {};
    if (::statx(met.directory.descriptor(), met.name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID | STATX_NLINK | STATX_INO |
                    STATX_CTIME | STATX_MNT_ID,
                &facts) < 0) {
      if (errno != ENOENT) trouble(met.directory.path_of(met.name), errno);
      return;
    }
    if (right_.is(facts)) return;
    if (facts.stx_mnt_id != root_.mount || (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
      return mount(met);
    const ObjectState state{file_type(facts.stx_mode), Uid{facts.stx_uid}, Gid{facts.stx_gid},
                            Mode{facts.stx_mode & 07777U}, facts.stx_nlink};
    inspect(met, path_of(met), state,
            {makedev(facts.stx_dev_major, facts.stx_dev_minor), facts.stx_ino},
            since_epoch(facts.stx_ctime));
  }

  Descent directory(const Meeting& met, const Directory& opened) override {
    if (covered_.is_nested(opened.path())) return Descent::kLeave;
    progress_.directories.fetch_add(1, std::memory_order_relaxed);
    if (!right_.is(opened.state()))
      inspect(met, opened.path(), opened.state(), opened.id(), opened.changed());
    if (covered_.all_below(opened.path())) return Descent::kLeave;
    return closes(opened.state()) ? Descent::kClosed : Descent::kEnter;
  }

  void mount(const Meeting& /*met*/) override {
    progress_.mounts.fetch_add(1, std::memory_order_relaxed);
  }

  void trouble(std::string_view path, int code) override {
    (code == ESTALE ? progress_.moved : progress_.errors).fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    if (troubles_.size() >= kTroublesTold) return;
    troubles_.push_back(
        (path.empty() ? "the tree itself" : quote(path)) + ": " +
        (code == ESTALE ? "moved away while it was read" : Error::from_errno(code, "read").text()));
  }

  void progress(unsigned /*thread*/, std::uint64_t objects) override {
    progress_.objects.fetch_add(objects, std::memory_order_relaxed);
  }

  // What stands at the beginning of the walk. No directory is held open that it was found in: it is
  // reached from the root.
  void beginning(const Directory& start) {
    progress_.objects.fetch_add(1, std::memory_order_relaxed);
    progress_.directories.fetch_add(1, std::memory_order_relaxed);
    const auto verdict = judge(*task_.policy, start.path(), start.state());
    if (!verdict.violation()) return;
    std::optional<RepairOutcome> outcome;
    if (task_.fix) outcome = repair(root_, remedy_task(start.path()));
    tell({start.path(), start.state(), start.id(), verdict, nullptr}, outcome);
  }

  // Whether what lies below could not be reached by the owner, so that owning it would give it
  // something once the directory is opened to it.
  bool closes(const ObjectState& directory) const {
    return task_.evidence == Evidence::kNone && would_reveal(directory, task_.policy->wanted);
  }

  std::vector<std::string> troubles() && { return std::move(troubles_); }

 private:
  std::string_view path_of(const Meeting& met) {
    auto& path = paths_[met.thread].text;  // keeps its room from one object to the next
    path.assign(met.directory.path());
    if (!path.empty()) path += '/';
    path += met.name;
    return path;
  }

  RepairTask remedy_task(std::string_view path) const {
    RepairTask task{task_.policy,   path,          nullptr,
                    task_.evidence, task_.dry_run, own_descriptors_.get()};
    task.left_alone = task_.left_alone;
    return task;
  }

  void inspect(const Meeting& met, std::string_view path, const ObjectState& state,
               const InodeId& id, std::chrono::nanoseconds changed) {
    const auto verdict = judge(*task_.policy, path, state);
    if (!verdict.violation() || covered_.is_nested(path)) return;
    // The walker hears of it from the directory, and leaves.
    if (!met.directory.still_there(root_)) return;
    std::optional<RepairOutcome> outcome;
    if (is_fresh(changed))
      outcome = left(Skip::kBusy, state, id, verdict);
    else if (task_.fix)
      outcome = put_right(met, path, state, id, verdict);
    tell({path, state, id, verdict, nullptr}, outcome);
  }

  RepairOutcome put_right(const Meeting& met, std::string_view path, const ObjectState& state,
                          const InodeId& id, const Verdict& verdict) const {
    if (!met.closed || verdict.action < Action::kFix)
      return repair_entry(root_, met.directory.descriptor(), met.name, remedy_task(path));
    return left(was_undone(met) ? Skip::kUndone : Skip::kNoEvidence, state, id, verdict);
  }

  bool was_undone(const Meeting& met) const {
    if (!task_.left_alone) return false;
    const auto object = open_entry(root_, met.directory.descriptor(), met.name);
    return object && task_.left_alone->is_untouched(*object);
  }

  static RepairOutcome left(Skip why, const ObjectState& state, const InodeId& id,
                            const Verdict& verdict) {
    RepairOutcome outcome;
    outcome.what = RepairResult::kSkipped;
    outcome.skip = why;
    outcome.id = id;
    outcome.verdict = verdict;
    outcome.before = outcome.after = state;
    return outcome;
  }

  // A clock that was set back makes nothing fresh.
  bool is_fresh(std::chrono::nanoseconds changed) const {
    if (!task_.spare_fresh) return false;
    const auto age = std::chrono::system_clock::now().time_since_epoch() - changed;
    return age >= age.zero() && age < task_.policy->said.settle.value;
  }

  void tell(Finding finding, const std::optional<RepairOutcome>& outcome) {
    if (outcome) {
      // It was put right or taken away, or something else was put there, between two looks.
      if (outcome->what == RepairResult::kRight) return;
      if (outcome->what == RepairResult::kSkipped &&
          (outcome->skip == Skip::kGone || outcome->skip == Skip::kReplaced ||
           outcome->skip == Skip::kOtherMount || outcome->skip == Skip::kUndone)) {
        return;
      }
      auto& counter = outcome->what == RepairResult::kFixed     ? progress_.fixed
                      : outcome->what == RepairResult::kSkipped ? progress_.skipped
                                                                : progress_.failed;
      counter.fetch_add(1, std::memory_order_relaxed);
      finding.outcome = &*outcome;
      if (outcome->what != RepairResult::kFailed || outcome->id != InodeId{}) {
        // What was acted on is what is told.
        finding.state = outcome->before;
        finding.id = outcome->id;
        finding.verdict = outcome->verdict;
      }
    }
    progress_.wrong.fetch_add(1, std::memory_order_relaxed);
    if (!found_) return;
    const std::lock_guard lock(mutex_);
    found_(finding);
  }

  struct alignas(64) PathRoom {
    std::string text;
  };

  const Object& root_;
  const ScanTask& task_;
  const Covered& covered_;
  const OnFinding& found_;
  ScanProgress& progress_;
  const RightAnywhere right_;
  Fd own_descriptors_;
  std::vector<PathRoom> paths_;  // one for each thread
  std::mutex mutex_;             // the callback, and what follows
  std::vector<std::string> troubles_;
};

// What the directories from the root to where the scan begins say of everything below.
struct Approach {
  bool leads_nowhere = false;  // into another tree, or into what is excluded as a whole
  bool closed = false;
};
Result<Approach> approach(const Object& root, const std::string& start, const Covered& covered,
                          const Inspector& inspector) {
  Approach way;
  for (std::size_t end = 0;; ++end) {
    end = std::min(start.find('/', end), start.size());
    if (start.empty()) break;
    const auto path = std::string_view(start).substr(0, end);
    if (covered.is_nested(path) || covered.all_below(path)) way.leads_nowhere = true;
    GUARD_TRY(const auto directory, open_object(root, path));
    if (inspector.closes(directory.state)) way.closed = true;
    if (end == start.size()) break;
  }
  if (inspector.closes(root.state)) way.closed = true;
  return way;
}

}  // namespace

Result<ScanReport> scan(const Object& root, const ScanTask& task, const ScanOptions& options,
                        const OnFinding& found, const std::stop_token& stop,
                        ScanProgress& progress) {
  ScanReport report;
  // Nothing can be wrong under such a policy.
  if (task.policy->action() == Action::kOff ||
      !task.policy->said.guards.value.has(Guard::kOwnership)) {
    return report;
  }
  const Covered covered(*task.policy, task.nested);
  const auto threads = options.threads == 0 ? usual_threads() : options.threads;
  Inspector inspector(root, task, covered, found, progress, threads);
  GUARD_TRY(const auto way, approach(root, task.start, covered, inspector));
  if (way.leads_nowhere) return report;
  GUARD_TRY(auto start, Directory::open(root, task.start));
  inspector.beginning(*start);

  Pace pace(options.rate, options.in_use);
  const auto moved = progress.moved.load();
  const auto errors = progress.errors.load();
  GUARD_CHECK(walk(root, std::move(start), way.closed, {threads, options.polite, task.below},
                   inspector, pace, stop));
  report.complete = !stop.stop_requested() && progress.moved == moved && progress.errors == errors;
  report.troubles = std::move(inspector).troubles();
  return report;
}

}  // namespace guard
