#include "guardd/repair/scan.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "guardd/host/clock.h"
#include "guardd/repair/walk.h"
#include "policy/base/handle.h"
#include "policy/base/text.h"
#include "policy/covered.h"

namespace guard {
namespace {

constexpr std::size_t kMostTroubles = 8;

// Recognises objects that are correct at any path, which saves building the path. Only rules depend
// on paths; what is excluded is not wrong either way.
class CorrectAnywhere {
 public:
  explicit CorrectAnywhere(const Policy& policy)
      : wanted_(policy.wanted), known_(policy.rules.empty()) {}

  bool includes(const ObjectState& state) const {
    if (!known_ || state.uid != wanted_.owner.id || state.gid != wanted_.group.id) return false;
    const auto mode = wanted_.mode_of(state.type);
    return !mode || *mode == state.mode;
  }

 private:
  const WantedState& wanted_;
  bool known_;
};

class Inspector : public Visitor {
 public:
  Inspector(const Object& root, const ScanTask& task, const CoveredPart& covered,
            const OnFinding& found, ScanProgress& progress, unsigned threads,
            const std::stop_token& stop)
      : root_(root),
        task_(task),
        covered_(covered),
        found_(found),
        progress_(progress),
        correct_(*task.policy),
        stop_(stop),
        own_(threads) {
    // Without it every repair resolves the full path in /proc.
    if (task.fix)
      own_descriptors_ = Fd(::open("/proc/thread-self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }

  // Most often all files of a directory are correct, or all are wrong. After a wrong one the next
  // is opened at once, as its repair would do, and not looked at by its name before.
  void leaf(const WalkEntry& entry) override {
    auto& wrong_in = own_[entry.thread].wrong_in;
    if (wrong_in == &entry.directory) return opened_leaf(entry);
    wrong_in = nullptr;
    struct statx facts {};
    if (::statx(entry.directory.descriptor(), entry.name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID | STATX_NLINK | STATX_INO |
                    STATX_CTIME | STATX_MNT_ID,
                &facts) < 0) {
      if (errno != ENOENT) trouble(entry.directory.path_of(entry.name), errno);
      return;
    }
    const auto state = state_of(facts);
    if (correct_.includes(state)) return remember(entry, state);
    if (facts.stx_mnt_id != root_.mount || (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
      return mount(entry);
    if (inspect(entry, path_of(entry), state, inode_of(facts), nanoseconds(facts.stx_ctime)))
      wrong_in = &entry.directory;
  }

  // A directory of root's is fixed after its entries, if the owner can reach and enter it as it is:
  // as long as no other user can put anything into it, its files can be opened by name.
  Descent directory(const WalkEntry& entry, const Directory& opened) override {
    if (covered_.is_nested(opened.path())) return Descent::kLeave;
    progress_.directories.fetch_add(1, std::memory_order_relaxed);
    const bool is_correct = correct_.includes(opened.state());
    if (task_.fix && !is_correct && !entry.closed && opened.is_filled_by_root() &&
        !covered_.all_below(opened.path()) && !closes(opened))
      return Descent::kEnterFirst;
    if (is_correct) remember(entry, opened.state());
    const bool is_fixed =
        !is_correct && inspect(entry, opened.path(), opened.state(), opened.id(), opened.changed());
    if (covered_.all_below(opened.path())) return Descent::kLeave;
    return !is_fixed && closes(opened) ? Descent::kClosed : Descent::kEnter;
  }

  void left(const Directory& directory) override {
    if (stop_.stop_requested() || directory.has_moved()) return;
    if (!directory.is_in_place(root_)) return trouble(directory.path(), ESTALE);
    const auto verdict = judge(*task_.policy, directory.path(), directory.state());
    if (!verdict.violation()) return;
    std::optional<RepairOutcome> outcome;
    if (is_fresh(directory.changed()))
      outcome = left_as_it_is(Skip::kBusy, directory.state(), directory.id(), verdict);
    else
      outcome = repair_directory(root_, directory, repair_task(directory.path()));
    report({directory.path(), directory.state(), directory.id(), verdict, nullptr}, outcome);
  }

  void mount(const WalkEntry& /*entry*/) override {
    progress_.mounts.fetch_add(1, std::memory_order_relaxed);
  }

  void trouble(std::string_view path, int code) override {
    (code == ESTALE ? progress_.moved : progress_.errors).fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    if (troubles_.size() >= kMostTroubles) return;
    troubles_.push_back(
        (path.empty() ? "the root of the tree" : quote(path)) + ": " +
        (code == ESTALE ? "moved away during the scan" : Error::from_errno(code, "read").text()));
  }

  void progress(unsigned /*thread*/, std::uint64_t objects) override {
    progress_.objects.fetch_add(objects, std::memory_order_relaxed);
    if (task_.pulse) task_.pulse();
  }

  // The directory where the walk begins. Its parent is not open, so it is repaired by its path.
  void inspect_start(const Directory& start) {
    progress_.objects.fetch_add(1, std::memory_order_relaxed);
    progress_.directories.fetch_add(1, std::memory_order_relaxed);
    const auto verdict = judge(*task_.policy, start.path(), start.state());
    if (!verdict.violation()) return;
    std::optional<RepairOutcome> outcome;
    if (task_.fix) outcome = repair(root_, repair_task(start.path()));
    report({start.path(), start.state(), start.id(), verdict, nullptr}, outcome);
  }

  // Whether the owner cannot reach what is below.
  bool closes(const Directory& directory) const {
    const auto& owner = task_.policy->wanted;
    if (task_.is_requested || directory.state().uid == owner.owner.id) return false;
    return !could_enter(owner, directory.state(), access_list_of(directory.descriptor()));
  }

  std::vector<std::string> troubles() && { return std::move(troubles_); }

 private:
  void opened_leaf(const WalkEntry& entry) {
    auto opened = open_leaf(entry);
    if (!opened) {
      if (opened.error().code() == EXDEV) return mount(entry);
      if (opened.error().code() != ENOENT)
        trouble(entry.directory.path_of(entry.name), opened.error().code());
      return;
    }
    if (opened->is_mount_point) return mount(entry);
    const auto state = opened->state;
    const auto id = opened->id;
    const auto changed = opened->changed;
    if (!correct_.includes(state) &&
        inspect(entry, path_of(entry), state, id, changed, std::move(*opened)))
      return;
    own_[entry.thread].wrong_in = nullptr;
    if (correct_.includes(state)) remember(entry, state);
  }

  Result<Object> open_leaf(const WalkEntry& entry) const {
    const int directory = entry.directory.descriptor();
    if (task_.fix && entry.is_file && entry.directory.is_filled_by_root()) {
      auto file = open_file(root_, directory, entry.name);
      if (file) return file;
    }
    return open_entry(root_, directory, entry.name);
  }

  std::string_view path_of(const WalkEntry& entry) {
    auto& path = own_[entry.thread].path;  // reused: keeps its capacity
    path.assign(entry.directory.path());
    if (!path.empty()) path += '/';
    path += entry.name;
    return path;
  }

  RepairTask repair_task(std::string_view path) const {
    RepairTask task;
    task.policy = task_.policy;
    task.relative_path = path;
    task.witness = task_.witness;
    task.is_requested = task_.is_requested;
    task.dry_run = task_.dry_run;
    task.own_descriptors = own_descriptors_.get();
    task.left_alone = task_.left_alone;
    return task;
  }

  // Whether it is fixed now.
  bool inspect(const WalkEntry& entry, std::string_view path, const ObjectState& state,
               const InodeId& id, std::int64_t changed,
               std::optional<Object> opened = std::nullopt) {
    const auto verdict = judge(*task_.policy, path, state);
    if (verdict.reason == Reason::kRight) remember(entry, state);  // as a rule wants it
    if (!verdict.violation() || covered_.is_nested(path)) return false;
    // If it has moved, the walker leaves the directory.
    if (!entry.directory.is_in_place(root_)) return false;
    std::optional<RepairOutcome> outcome;
    if (is_fresh(changed)) {
      outcome = left_as_it_is(Skip::kBusy, state, id, verdict);
    } else if (task_.fix) {
      auto task = repair_task(path);
      task.is_reachable = !entry.closed;
      const int directory = entry.directory.descriptor();
      outcome = opened ? repair_entry(root_, directory, *std::move(opened), task)
                       : repair_entry(root_, directory, entry.name, task);
    }
    report({path, state, id, verdict, nullptr}, outcome);
    return outcome && outcome->what == RepairResult::kFixed;
  }

  // It is right, and its mode hides it from others: see Witness.
  void remember(const WalkEntry& entry, const ObjectState& state) const {
    if (!task_.witness || !task_.witness->has_memory() || !is_hidden_from_others(state)) return;
    const auto object = open_entry(root_, entry.directory.descriptor(), entry.name);
    if (!object || object->state.uid != state.uid || object->state.gid != state.gid) return;
    const auto id = FileId::of(object->fd.get());
    const auto directory = FileId::of(entry.directory.descriptor());
    if (id && directory) task_.witness->remember(*directory, {&*id, 1}, {state.uid, state.gid});
  }

  static RepairOutcome left_as_it_is(Skip why, const ObjectState& state, const InodeId& id,
                                     const Verdict& verdict) {
    RepairOutcome outcome;
    outcome.what = RepairResult::kSkipped;
    outcome.skip = why;
    outcome.id = id;
    outcome.verdict = verdict;
    outcome.before = outcome.after = state;
    return outcome;
  }

  // Times in the future, after a clock was set back, are not fresh.
  bool is_fresh(std::int64_t changed) const {
    if (!task_.skip_fresh) return false;
    const auto age =
        std::chrono::system_clock::now().time_since_epoch() - std::chrono::nanoseconds(changed);
    return age >= age.zero() && age < task_.policy->said.settle.value;
  }

  void report(Finding finding, const std::optional<RepairOutcome>& outcome) {
    if (outcome) {
      // Between two checks, the object was fixed, removed or replaced.
      if (outcome->what == RepairResult::kCorrect) return;
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
        // Report what the repair saw.
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

  struct alignas(64) OwnOfThread {
    std::string path;
    const Directory* wrong_in = nullptr;  // where the last leaf was, if it was fixed
  };

  const Object& root_;
  const ScanTask& task_;
  const CoveredPart& covered_;
  const OnFinding& found_;
  ScanProgress& progress_;
  const CorrectAnywhere correct_;
  const std::stop_token& stop_;
  Fd own_descriptors_;
  std::vector<OwnOfThread> own_;  // one for each thread
  std::mutex mutex_;              // for the callback and troubles_
  std::vector<std::string> troubles_;
};

// What the directories from the root to the start of the scan mean for everything below.
struct StartConditions {
  bool is_excluded = false;  // in another tree, or excluded as a whole
  bool closed = false;
};
Result<StartConditions> start_conditions(const Object& root, const std::string& start,
                                         const CoveredPart& covered, const Inspector& inspector) {
  StartConditions conditions;
  for (std::size_t end = 0;; ++end) {
    end = std::min(start.find('/', end), start.size());
    if (start.empty()) break;
    const auto path = std::string_view(start).substr(0, end);
    if (covered.is_nested(path) || covered.all_below(path)) conditions.is_excluded = true;
    GUARD_TRY(const auto directory, Directory::open(root, path));
    if (inspector.closes(*directory)) conditions.closed = true;
    if (end == start.size()) break;
  }
  GUARD_TRY(const auto directory, Directory::open(root, {}));
  if (inspector.closes(*directory)) conditions.closed = true;
  return conditions;
}

}  // namespace

Result<ScanReport> scan(const Object& root, const ScanTask& task, const ScanOptions& options,
                        const OnFinding& found, const std::stop_token& stop,
                        ScanProgress& progress) {
  ScanReport report;
  // Such a policy makes nothing wrong.
  if (task.policy->action() == Action::kOff ||
      !task.policy->said.guards.value.has(Guard::kOwnership)) {
    return report;
  }
  const CoveredPart covered(*task.policy, task.nested);
  const auto threads = options.threads == 0 ? usual_threads() : options.threads;
  Inspector inspector(root, task, covered, found, progress, threads, stop);
  GUARD_TRY(const auto conditions, start_conditions(root, task.start, covered, inspector));
  if (conditions.is_excluded) return report;
  GUARD_TRY(auto start, Directory::open(root, task.start));
  inspector.inspect_start(*start);

  Pace pace(options.rate, options.activity);
  const auto moved = progress.moved.load();
  const auto errors = progress.errors.load();
  GUARD_CHECK(walk(root, std::move(start), conditions.closed, {threads, options.polite, task.below},
                   inspector, pace, stop));
  report.complete = !stop.stop_requested() && progress.moved == moved && progress.errors == errors;
  report.troubles = std::move(inspector).troubles();
  return report;
}

}  // namespace guard
