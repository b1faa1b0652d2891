#include "guardd/repair_process/scan_worker.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "guardd/files/file_id.h"
#include "guardd/files/object.h"
#include "guardd/repair/scan.h"
#include "policy/covered.h"

namespace guard {
namespace {

constexpr unsigned kMostTries = 3;
constexpr auto kBetweenLooks = std::chrono::seconds(1);

FileId identity_of(const Object& root, const std::string& path) {
  const auto object = open_object(root, path);
  if (!object) return {};
  auto id = FileId::of(object->fd.get());
  return id ? *std::move(id) : FileId();
}

Ownership ownership(const ObjectState& state) {
  return {state.uid, state.gid, state.mode};
}

}  // namespace

// Passes the findings of one scan to the loop. Any thread of the scan.
class ScanWorker::Findings {
 public:
  Findings(ScanWorker& worker, const ScanOrder& order, const Object& root,
           const std::stop_token& stop)
      : worker_(worker), order_(order), root_(root), stop_(stop), base_(order.path() + "/") {}

  void add(const Finding& finding) {
    if (!finding.outcome) return;
    const bool is_fixed = finding.outcome->what == RepairResult::kFixed;
    if (is_fixed && singles_ >= kMostSingle) return add_to_list(finding);
    if (is_fixed) ++singles_;
    auto report = report_of(finding);
    if (!is_fixed) report.object = identity_of(root_, report.path);
    (void)worker_.found_.put(std::move(report), stop_);
  }

  // A list waits for more files, but not for long.
  void pass_old_list() {
    if (!has_list_.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock(mutex_);
    if (list_ && std::chrono::steady_clock::now() - began_ >= kLongestInList) pass_list();
  }
  void pass_rest() {
    const std::lock_guard lock(mutex_);
    if (list_) pass_list();
  }

 private:
  ScanFinding report_of(const Finding& finding) const {
    ScanFinding report;
    report.order = order_.number;
    report.path = finding.path;
    report.outcome = *finding.outcome;
    return report;
  }

  void add_to_list(const Finding& finding) {
    const auto& outcome = *finding.outcome;
    const std::lock_guard lock(mutex_);
    // All files of a list are to belong to one owner.
    if (list_ && !is_like(outcome, list_->outcome)) pass_list();
    if (!list_) {
      list_ = report_of(finding);
      began_ = std::chrono::steady_clock::now();
      has_list_.store(true, std::memory_order_relaxed);
    }
    FixedFile file;
    file.type = outcome.before.type;
    file.object = outcome.id;
    file.before = ownership(outcome.before);
    file.after = ownership(outcome.after);
    path_.assign(base_);
    path_ += finding.path;
    list_->files.add(path_, file);
    if (list_->files.count() >= kMostInList) pass_list();
  }

  static bool is_like(const RepairOutcome& a, const RepairOutcome& b) {
    const auto* mine = a.verdict.wanted;
    const auto* other = b.verdict.wanted;
    return mine == other || (mine && other && mine->owner.id == other->owner.id &&
                             mine->group.id == other->group.id);
  }

  void pass_list() {
    has_list_.store(false, std::memory_order_relaxed);
    (void)worker_.found_.put(*std::exchange(list_, std::nullopt), stop_);
  }

  ScanWorker& worker_;
  const ScanOrder& order_;
  const Object& root_;
  const std::stop_token& stop_;
  const std::string base_;
  std::size_t singles_ = 0;
  std::atomic<bool> has_list_{false};
  std::mutex mutex_;  // for all below
  std::optional<ScanFinding> list_;
  std::chrono::steady_clock::time_point began_;
  std::string path_;  // reused: keeps its capacity
};

ScanWorker::ScanWorker(unsigned threads, AskedWitness* witness, const LeftAlone& left_alone)
    : threads_(threads), witness_(witness), left_alone_(left_alone) {}

ScanWorker::~ScanWorker() {
  for (auto& thread : scanners_) thread.request_stop();
  changed_.notify_all();
}

void ScanWorker::give(ScanOrder order) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back({std::move(order), 0, {}});
  start_thread();
}

// ---- scans that hang

std::set<std::string> ScanWorker::hanging() const {
  const std::lock_guard lock(mutex_);
  return hanging_;
}

std::optional<SteadyTime> ScanWorker::next() const {
  const std::lock_guard lock(mutex_);
  if (scans_.empty() && hanging_.empty()) return std::nullopt;
  return looked_at_ + kBetweenLooks;
}

bool ScanWorker::work(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (now < looked_at_ + kBetweenLooks) return false;
  looked_at_ = now;
  std::set<std::string> hanging;
  for (auto& each : scans_) {
    const auto met = each.progress.objects.load();
    const auto had_met = std::exchange(each.met, met);
    if (had_met != met || each.met_at == SteadyTime()) each.met_at = now;
    each.stalls = now - each.met_at >= kStallsAfter;
    if (now - each.met_at >= kHangsAfter) hanging.insert(each.job.order.path());
  }
  start_thread();
  return std::exchange(hanging_, hanging) != hanging;
}

// Only scans that stall let others begin beside them.
std::deque<ScanWorker::Job>::iterator ScanWorker::next_job() {
  const auto delays = [](const Scan& each) { return !each.stalls; };
  if (std::any_of(scans_.begin(), scans_.end(), delays)) return jobs_.end();
  return std::find_if(jobs_.begin(), jobs_.end(), [this](const Job& job) {
    return std::none_of(scans_.begin(), scans_.end(), [&](const Scan& each) {
      return each.job.order.file_system == job.order.file_system;
    });
  });
}

void ScanWorker::start_thread() {
  if (next_job() == jobs_.end()) return;
  if (idle_ == 0 && scanners_.size() < kMostScans)
    scanners_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  changed_.notify_all();
}

// ---- the threads

void ScanWorker::run(const std::stop_token& stop) {
  work_apart(witness_, found_.fd());
  std::unique_lock lock(mutex_);
  for (;;) {
    auto next = jobs_.end();
    ++idle_;
    changed_.wait(lock, stop, [&] {
      next = next_job();
      return next != jobs_.end();
    });
    --idle_;
    if (stop.stop_requested()) return;
    const auto current = scans_.emplace(scans_.end());
    auto& job = current->job;
    job = std::move(*next);
    jobs_.erase(next);
    job.began = std::chrono::steady_clock::now();
    lock.unlock();
    const bool is_complete = scan_tree(job.order, current->progress, stop);
    const auto objects = current->progress.objects.load();
    lock.lock();
    auto done = std::move(job);
    scans_.erase(current);
    changed_.notify_all();
    // Something moved during the scan. After a few tries the rest is left for the next scan, so
    // that constant moves cannot keep this thread busy for ever.
    if (!is_complete && ++done.tries < kMostTries) {
      jobs_.push_back(std::move(done));
      continue;
    }
    lock.unlock();
    ScanFinding end;
    end.order = done.order.number;
    end.is_end = true;
    end.is_complete = is_complete;
    end.objects = objects;
    end.began = done.began;
    (void)found_.put(std::move(end), stop);
    lock.lock();
  }
}

bool ScanWorker::scan_tree(const ScanOrder& order, ScanProgress& progress,
                           const std::stop_token& stop) {
  const auto& tree = order.set->trees()[order.tree];
  const auto root = open_tree(tree.root());
  if (!root) return false;  // WatchedTrees notices that the root is gone
  ScanTask task;
  task.policy = &order.set->policy_of(tree);
  task.nested = nested_trees(*order.set, tree);
  task.fix = true;
  task.skip_fresh = true;
  task.witness = witness_;
  task.left_alone = &left_alone_;
  ScanOptions options;
  options.threads = threads_;
  options.activity = &activity_;
  Findings findings(*this, order, *root, stop);
  task.pulse = [&] {
    findings.pass_old_list();
    if (witness_) witness_->flush();
  };
  const auto result = scan(
      *root, task, options, [&](const Finding& finding) { findings.add(finding); }, stop, progress);
  findings.pass_rest();
  if (witness_) witness_->flush();
  return result && result->complete;
}

}  // namespace guard
