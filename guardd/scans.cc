#include "guardd/scans.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "guardd/object.h"
#include "guardd/sources/scan.h"

namespace guard {
namespace {

constexpr std::size_t kMostFound = 4096;

}  // namespace

Scans::Scans(unsigned threads)
    : threads_(threads),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Scans::~Scans() {
  thread_.request_stop();
  changed_.notify_all();
}

void Scans::ask(std::shared_ptr<const PolicySet> set, std::uint32_t tree) {
  const std::lock_guard lock(mutex_);
  const bool asked = std::any_of(jobs_.begin(), jobs_.end(), [&](const Job& job) {
    return job.set == set && job.tree == tree;
  });
  if (!asked) jobs_.push_back({std::move(set), tree});
  changed_.notify_all();
}

std::vector<Scans::Wrong> Scans::take() {
  std::uint64_t count = 0;
  (void)::read(wake_.get(), &count, sizeof count);  // only empties it; EAGAIN is as good
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
  return std::exchange(found_, {});
}

void Scans::run(const std::stop_token& stop) {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [&] { return !jobs_.empty(); });
      if (stop.stop_requested()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    scan_tree(job, stop);
  }
}

void Scans::scan_tree(const Job& job, const std::stop_token& stop) {
  const auto& tree = job.set->trees()[job.tree];
  const auto root = open_tree(tree.root());
  if (!root) return;  // gone: whoever watches the root finds out
  ScanTask task;
  task.policy = &job.set->policy_of(tree);
  task.nested = nested_trees(*job.set, tree);
  task.fix = true;
  ScanOptions options;
  options.threads = threads_;
  ScanProgress progress;
  const auto found = [&](const Finding& finding) {
    if (finding.outcome)
      hand_over({job.set, job.tree, std::string(finding.path), *finding.outcome}, stop);
  };
  // What could not be looked at is left for the next scan: there is nobody to whom more could be
  // told here.
  (void)scan(*root, task, options, found, stop, progress);
}

void Scans::hand_over(Wrong wrong, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [&] { return found_.size() < kMostFound; });
  found_.push_back(std::move(wrong));
  const std::uint64_t one = 1;
  (void)::write(wake_.get(), &one, sizeof one);  // EAGAIN: it is awake already
}

}  // namespace guard
