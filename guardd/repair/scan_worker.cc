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

ScanWorker::ScanWorker(unsigned threads, const LeftAlone& left_alone)
    : threads_(threads),
      left_alone_(left_alone),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

ScanWorker::~ScanWorker() {
  thread_.request_stop();
  changed_.notify_all();
}

bool ScanWorker::is_asked(const Job& job) const {
  return std::any_of(jobs_.begin(), jobs_.end(), [&](const Job& other) {
    return job.set == other.set && job.tree == other.tree;
  });
}

void ScanWorker::ask(std::shared_ptr<const PolicySet> set, std::uint32_t tree) {
  const std::lock_guard lock(mutex_);
  Job job{std::move(set), tree, 0};
  if (!is_asked(job)) jobs_.push_back(std::move(job));
  changed_.notify_all();
}

bool ScanWorker::idle() const {
  const std::lock_guard lock(mutex_);
  return jobs_.empty() && !is_scanning_;
}

void ScanWorker::run(const std::stop_token& stop) {
  (void)unshare_descriptors(found_.fd());  // or a frozen file system outlives us: see there
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
    // What has happened since then is looked at by the next.
    if (is_asked(job)) continue;
    // Somebody moved things about. Who does so all the time must not keep us busy for ever: what
    // could not be looked at is left for the next scan then.
    if (!is_complete && ++job.tries < kMostTries) {
      jobs_.push_back(std::move(job));
      continue;
    }
    lock.unlock();
    (void)found_.put({job.set, job.tree, {}, {}, {}, true, is_complete}, stop);
    lock.lock();
  }
}

bool ScanWorker::scan_tree(const Job& job, const std::stop_token& stop) {
  const auto& tree = job.set->trees()[job.tree];
  const auto root = open_tree(tree.root());
  if (!root) return false;  // gone: whoever watches the root finds out
  ScanTask task;
  task.policy = &job.set->policy_of(tree);
  task.nested = nested_trees(*job.set, tree);
  task.fix = true;
  task.spare_fresh = true;
  task.left_alone = &left_alone_;
  ScanOptions options;
  options.threads = threads_;
  options.in_use = &in_use_;
  ScanProgress progress;
  const auto found = [&](const Finding& finding) {
    if (!finding.outcome) return;
    Wrong wrong{job.set, job.tree, std::string(finding.path), *finding.outcome, {}, false, false};
    if (wrong.outcome.what != RepairResult::kFixed) wrong.object = identity_of(*root, wrong.path);
    (void)found_.put(std::move(wrong), stop);
  };
  const auto report = scan(*root, task, options, found, stop, progress);
  const bool is_complete = report && report->complete;
  if (is_complete) sizes_.note(tree.path, progress.objects);
  return is_complete;
}

}  // namespace guard
