#include "guardd/repair/repair_worker.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

#include "guardd/files/object.h"
#include "guardd/host/own_descriptors.h"
#include "guardd/repair/scan.h"
#include "guardd/who/acting_process.h"
#include "guardd/who/excuses.h"
#include "policy/covered.h"

namespace guard {
namespace {

// A sleeping or busy disk responds within this time; one that does not is frozen or gone.
constexpr auto kHangsAfter = std::chrono::seconds(2);
// The administrator is told a little later.
constexpr auto kNamedAfter = std::chrono::seconds(8);

RepairTask task_of(const Repair& repair, const std::optional<Standing>& subject, Witness* witness,
                   LeftAlone& left_alone) {
  const auto& seen = repair.due.seen;
  RepairTask task;
  task.policy = &repair.policy();
  task.relative_path = repair.path;
  task.expected = seen.object.known() ? &seen.object : nullptr;
  task.witness = witness;
  task.subject = subject;
  task.operation = seen.operation;
  task.war = repair.war;
  task.is_fresh = true;
  task.left_alone = &left_alone;
  if (seen.who && excuse_of(*seen.who)) task.excused = &left_alone;
  return task;
}

}  // namespace

RepairWorker::RepairWorker(Witness* witness, LeftAlone& left_alone)
    : witness_(witness), left_alone_(left_alone) {}

RepairWorker::~RepairWorker() {
  for (auto& thread : threads_) thread.request_stop();
  changed_.notify_all();
}

RepairWorker::Offer RepairWorker::has_room(const std::string& tree_path) const {
  const std::lock_guard lock(mutex_);
  const auto found = trees_.find(tree_path);
  if (found == trees_.end()) return Offer::kAccepted;
  const auto& queue = found->second;
  if (queue.is_served && std::chrono::steady_clock::now() - queue.since > kHangsAfter)
    return Offer::kHanging;
  return queue.waiting.size() < kMostOfATree ? Offer::kAccepted : Offer::kFull;
}

void RepairWorker::offer(Repair repair, std::string file_system) {
  const std::lock_guard lock(mutex_);
  auto& queue = trees_[repair.set->trees()[repair.tree].path];
  queue.file_system = std::move(file_system);
  queue.waiting.push_back(std::make_shared<const Repair>(std::move(repair)));
  if (!can_be_served(queue)) return;
  if (idle_ == 0 && threads_.size() < kMostThreads)
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  changed_.notify_one();
}

bool RepairWorker::can_be_served(const Queue& queue) const {
  if (queue.is_served || queue.waiting.empty()) return false;
  const auto served = served_.find(queue.file_system);
  return served == served_.end() || served->second < kThreadsOfAFileSystem;
}

std::set<std::string> RepairWorker::hanging_now() const {
  std::set<std::string> paths;
  const auto now = std::chrono::steady_clock::now();
  for (const auto& [path, queue] : trees_)
    if (queue.is_served && now - queue.since > kNamedAfter) paths.insert(path);
  return paths;
}

std::set<std::string> RepairWorker::hanging() const {
  const std::lock_guard lock(mutex_);
  return hanging_;
}

bool RepairWorker::work() {
  const std::lock_guard lock(mutex_);
  auto now = hanging_now();
  return std::exchange(hanging_, now) != now;
}

// A repair that ends wakes the loop.
std::optional<SteadyTime> RepairWorker::next() const {
  const std::lock_guard lock(mutex_);
  std::optional<SteadyTime> first;
  for (const auto& [path, queue] : trees_) {
    if (!queue.is_served || hanging_.contains(path)) continue;
    const auto due = queue.since + kNamedAfter + std::chrono::milliseconds(1);
    first = std::min(first.value_or(due), due);
  }
  return first;
}

void RepairWorker::run(const std::stop_token& stop) {
  // Then a frozen file system blocks this thread alone.
  auto kept = witness_ ? witness_->descriptors() : std::vector<int>();
  kept.push_back(done_.fd());
  (void)unshare_descriptors(std::move(kept));
  std::unique_lock lock(mutex_);
  for (;;) {
    auto next = trees_.end();
    ++idle_;
    const bool found = changed_.wait(lock, stop, [&] {
      next = std::find_if(trees_.begin(), trees_.end(),
                          [this](const auto& each) { return can_be_served(each.second); });
      return next != trees_.end();
    });
    --idle_;
    if (!found || stop.stop_requested()) return;
    const auto path = next->first;  // a rehash invalidates the iterator, not the queue
    const auto served = served_.try_emplace(next->second.file_system, 0).first;
    ++served->second;
    serve(next->second, lock, stop);
    if (--served->second == 0) served_.erase(served);
    trees_.erase(path);  // no other thread erases a queue that is served
  }
}

// Repairs all that waits for one tree. Holds the root only meanwhile, so that its file system can
// be unmounted.
void RepairWorker::serve(Queue& queue, std::unique_lock<std::mutex>& lock,
                         const std::stop_token& stop) {
  queue.is_served = true;
  std::shared_ptr<const PolicySet> set;
  std::optional<Result<Object>> root;
  std::optional<TreeRepair> repairs;
  while (!queue.waiting.empty() && !stop.stop_requested()) {
    const auto task = std::move(queue.waiting.front());
    queue.waiting.pop_front();
    queue.since = std::chrono::steady_clock::now();
    lock.unlock();
    if (!root || set != task->set) {
      set = task->set;
      repairs.reset();
      root.emplace(open_tree(set->trees()[task->tree].root()));
      if (*root) repairs.emplace(**root);
    }
    repair(queue, task, *root, repairs, stop);
    lock.lock();
  }
  queue.is_served = false;
}

void RepairWorker::repair(Queue& queue, const std::shared_ptr<const Repair>& task,
                          const Result<Object>& root, std::optional<TreeRepair>& repairs,
                          const std::stop_token& stop) {
  const auto hand_over = [&](std::string path, RepairOutcome outcome, std::string trouble) {
    (void)done_.put({task, std::move(path), std::move(outcome), std::move(trouble)}, stop);
  };
  if (!root) {  // WatchedTrees notices that the root is gone
    RepairOutcome gone;
    gone.what = RepairResult::kSkipped;
    gone.skip = Skip::kGone;
    return hand_over(task->path, std::move(gone), {});
  }
  std::optional<Standing> subject;
  const auto& who = task->due.seen.who;
  if (who && who->known()) subject = standing_of(task->policy(), who->subject());
  if (!task->due.look)
    return hand_over(task->path, repairs->repair(task_of(*task, subject, witness_, left_alone_)),
                     {});
  // A storm: repair everything in this directory, whichever process changed it.
  ScanTask look;
  look.policy = &task->policy();
  look.nested = nested_trees(*task->set, task->set->trees()[task->tree]);
  look.start = task->path;
  look.below = false;
  look.pulse = [&] {  // a directory with many files is no file system that hangs
    const std::lock_guard lock(mutex_);
    queue.since = std::chrono::steady_clock::now();
  };
  ScanOptions options;
  options.threads = 1;
  options.polite = false;
  ScanProgress progress;
  const auto found = [&](const Finding& finding) {
    auto each = task_of(*task, subject, witness_, left_alone_);
    each.relative_path = finding.path;
    each.expected = nullptr;
    hand_over(std::string(finding.path), repairs->repair(each), {});
  };
  if (const auto done = scan(*root, look, options, found, stop, progress); !done)
    hand_over(task->path, {}, done.error().text());
}

}  // namespace guard
