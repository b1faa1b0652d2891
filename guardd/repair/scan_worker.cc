#include "guardd/repair/scan_worker.h"

#include <algorithm>
#include <utility>

#include "guardd/files/file_id.h"
#include "guardd/files/object.h"
#include "guardd/host/own_descriptors.h"
#include "guardd/repair/scan.h"
#include "policy/covered.h"

namespace guard {
namespace {

constexpr unsigned kMostTries = 3;

FileId identity_of(const Object& root, const std::string& path) {
  const auto object = open_object(root, path);
  if (!object) return {};
  auto id = FileId::of(object->fd.get());
  return id ? *std::move(id) : FileId();
}

}  // namespace

ScanWorker::ScanWorker(unsigned threads, Witness* witness, const LeftAlone& left_alone)
    : threads_(threads),
      witness_(witness),
      left_alone_(left_alone),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

ScanWorker::~ScanWorker() {
  thread_.request_stop();
  changed_.notify_all();
}

bool ScanWorker::is_requested(const Job& job) const {
  return std::any_of(jobs_.begin(), jobs_.end(), [&](const Job& other) {
    return job.set == other.set && job.tree == other.tree;
  });
}

void ScanWorker::request(std::shared_ptr<const PolicySet> set, std::uint32_t tree) {
  const std::lock_guard lock(mutex_);
  Job job{std::move(set), tree, 0, {}};
  if (!is_requested(job)) jobs_.push_back(std::move(job));
  changed_.notify_all();
}

bool ScanWorker::idle() const {
  const std::lock_guard lock(mutex_);
  return jobs_.empty() && !is_scanning_;
}

void ScanWorker::run(const std::stop_token& stop) {
  // Then a frozen file system blocks this thread alone.
  auto kept = witness_ ? witness_->descriptors() : std::vector<int>();
  kept.push_back(found_.fd());
  (void)unshare_descriptors(std::move(kept));
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, stop, [&] { return !jobs_.empty(); });
    if (stop.stop_requested()) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    is_scanning_ = true;
    lock.unlock();
    const bool is_complete = scan_tree(job, stop);
    lock.lock();
    is_scanning_ = false;
    // The next scan of this tree covers later changes.
    if (is_requested(job)) continue;
    // Something moved during the scan. After a few tries the rest is left for the next scan, so
    // that constant moves cannot keep this thread busy for ever.
    if (!is_complete && ++job.tries < kMostTries) {
      jobs_.push_back(std::move(job));
      continue;
    }
    lock.unlock();
    (void)found_.put({job.set, job.tree, {}, {}, {}, true, is_complete, job.began}, stop);
    lock.lock();
  }
}

bool ScanWorker::scan_tree(Job& job, const std::stop_token& stop) {
  job.began = std::chrono::steady_clock::now();
  const auto& tree = job.set->trees()[job.tree];
  const auto root = open_tree(tree.root());
  if (!root) return false;  // WatchedTrees notices that the root is gone
  ScanTask task;
  task.policy = &job.set->policy_of(tree);
  task.nested = nested_trees(*job.set, tree);
  task.fix = true;
  task.skip_fresh = true;
  task.witness = witness_;
  task.left_alone = &left_alone_;
  ScanOptions options;
  options.threads = threads_;
  options.activity = &activity_;
  ScanProgress progress;
  const auto found = [&](const Finding& finding) {
    if (!finding.outcome) return;
    Report report{job.set, job.tree, std::string(finding.path), *finding.outcome, {}, false, false, {}};
    if (report.outcome.what != RepairResult::kFixed)
      report.object = identity_of(*root, report.path);
    (void)found_.put(std::move(report), stop);
  };
  const auto result = scan(*root, task, options, found, stop, progress);
  const bool is_complete = result && result->complete;
  if (is_complete) sizes_.note(tree.path, progress.objects);
  return is_complete;
}

}  // namespace guard
