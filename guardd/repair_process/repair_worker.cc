#include "guardd/repair_process/repair_worker.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <utility>

#include "guardd/files/object.h"
#include "guardd/repair/scan.h"
#include "policy/covered.h"

namespace guard {
namespace {

// A sleeping or busy disk responds within this time; one that does not is frozen or gone.
constexpr auto kNamedAfter = std::chrono::seconds(8);
// How soon a tree that does not respond is looked at again.
constexpr auto kNextLook = std::chrono::seconds(1);

// The witness during one turn: the first question about an object of the turn is asked with those
// about all later ones. An answer is used only if it came a moment ago.
class WitnessOfTurn final : public Witness {
 public:
  static constexpr auto kMoment = std::chrono::milliseconds(100);

  WitnessOfTurn(AskedWitness& asked, const std::deque<RepairOrder>& orders)
      : asked_(asked), orders_(orders) {}

  // The orders before this one are done.
  void begin(std::size_t order) { current_ = order; }

  std::optional<Evidence> evidence_for(const WitnessQuestion& question) override {
    if (asked_.wants_object()) return asked_.evidence_for(question);
    const auto now = std::chrono::steady_clock::now();
    if (const auto at = told_.find(question.id); at != told_.end()) {
      const auto& [directory, wanted, evidence, since] = at->second;
      if (directory == question.directory && wanted == question.wanted && now - since < kMoment)
        return evidence;
    }
    std::vector<WitnessQuestion> questions{question};
    for (auto at = current_ + 1; at < orders_.size(); ++at) {
      const auto& order = orders_[at];
      const auto* wanted = wanted_at(order.policy(), order.path);
      if (wanted && order.object.known() && order.directory.known() && !order.look)
        questions.push_back({-1, order.object, order.directory, wanted->ids()});
    }
    const auto all = asked_.evidence_for_all(questions);
    for (std::size_t i = 0; i < questions.size(); ++i)
      told_[questions[i].id] = {questions[i].directory, questions[i].wanted, all[i], now};
    return all.front();
  }
  bool has_memory() const override { return asked_.has_memory(); }
  void remember(const FileId& directory, std::span<const FileId> objects, OwnerIds owner) override {
    asked_.remember(directory, objects, owner);
  }

 private:
  struct KnownEvidence {
    FileId directory;
    OwnerIds wanted;
    std::optional<Evidence> evidence;
    SteadyTime since;
  };

  AskedWitness& asked_;
  const std::deque<RepairOrder>& orders_;
  std::size_t current_ = 0;
  std::unordered_map<FileId, KnownEvidence> told_;
};

RepairTask task_of(const RepairOrder& order, Witness* witness, LeftAlone& left_alone) {
  RepairTask task;
  task.policy = &order.policy();
  task.relative_path = order.path;
  task.expected = order.object.known() ? &order.object : nullptr;
  task.witness = witness;
  task.subject = order.subject;
  task.operation = order.operation;
  task.war = order.war;
  task.is_fresh = true;
  task.left_alone = &left_alone;
  if (order.is_excused) task.excused = &left_alone;
  return task;
}

}  // namespace

RepairWorker::RepairWorker(AskedWitness* witness, LeftAlone& left_alone)
    : witness_(witness), left_alone_(left_alone) {}

RepairWorker::~RepairWorker() {
  for (auto& thread : threads_) thread.request_stop();
  changed_.notify_all();
}

void RepairWorker::give(RepairOrder order) {
  const std::lock_guard lock(mutex_);
  auto& queue = trees_[order.set->trees()[order.tree].path];
  queue.file_system = order.directory.filesystem();
  queue.waiting.push_back(std::move(order));
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

// The tree whose last turn was the longest ago.
std::unordered_map<std::string, RepairWorker::Queue>::iterator RepairWorker::next_queue() {
  auto next = trees_.end();
  for (auto at = trees_.begin(); at != trees_.end(); ++at) {
    if (can_be_served(at->second) && (next == trees_.end() || at->second.turn < next->second.turn))
      next = at;
  }
  return next;
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

// The result of a repair wakes the loop a moment before the tree is served no longer.
std::optional<SteadyTime> RepairWorker::next() const {
  const std::lock_guard lock(mutex_);
  std::optional<SteadyTime> first;
  if (!hanging_.empty()) first = std::chrono::steady_clock::now() + kNextLook;
  for (const auto& [path, queue] : trees_) {
    if (!queue.is_served || hanging_.contains(path)) continue;
    const auto due = queue.since + kNamedAfter + std::chrono::milliseconds(1);
    first = std::min(first.value_or(due), due);
  }
  return first;
}

void RepairWorker::run(const std::stop_token& stop) {
  work_apart(witness_, done_.fd());
  std::unique_lock lock(mutex_);
  for (;;) {
    auto next = trees_.end();
    ++idle_;
    const bool found = changed_.wait(lock, stop, [&] {
      next = next_queue();
      return next != trees_.end();
    });
    --idle_;
    if (!found || stop.stop_requested()) return;
    const auto path = next->first;  // a rehash invalidates the iterator, not the queue
    const auto served = served_.try_emplace(next->second.file_system, 0).first;
    ++served->second;
    auto& queue = next->second;
    serve(queue, lock, stop);
    if (--served->second == 0) served_.erase(served);
    if (queue.waiting.empty()) trees_.erase(path);  // no other thread does while it is served
    changed_.notify_one();
  }
}

// Repairs what waits for one tree, up to a bound. Holds the root only meanwhile, so that its file
// system can be unmounted.
void RepairWorker::serve(Queue& queue, std::unique_lock<std::mutex>& lock,
                         const std::stop_token& stop) {
  queue.is_served = true;
  queue.turn = ++turns_;
  std::deque<RepairOrder> orders;
  for (; orders.size() < kMostInATurn && !queue.waiting.empty(); queue.waiting.pop_front())
    orders.push_back(std::move(queue.waiting.front()));
  std::optional<WitnessOfTurn> witness;
  if (witness_) witness.emplace(*witness_, orders);
  std::shared_ptr<const PolicySet> set;
  std::optional<Result<Object>> root;
  std::optional<TreeRepair> repairs;
  for (std::size_t number = 0; number < orders.size() && !stop.stop_requested(); ++number) {
    const auto& order = orders[number];
    queue.since = std::chrono::steady_clock::now();
    lock.unlock();
    if (!root || set != order.set) {
      set = order.set;
      repairs.reset();
      root.emplace(open_tree(set->trees()[order.tree].root()));
      if (*root) repairs.emplace(**root);
    }
    if (witness) witness->begin(number);
    carry_out(queue, order, *root, repairs, witness ? &*witness : nullptr, stop);
    lock.lock();
  }
  lock.unlock();
  if (witness_) witness_->flush();
  lock.lock();
  queue.is_served = false;
}

void RepairWorker::carry_out(Queue& queue, const RepairOrder& order, const Result<Object>& root,
                             std::optional<TreeRepair>& repairs, Witness* witness,
                             const std::stop_token& stop) {
  const auto hand_over = [&](std::string path, RepairOutcome outcome, bool is_end) {
    (void)done_.put({order.number, std::move(path), std::move(outcome), {}, is_end}, stop);
  };
  if (!root) {  // WatchedTrees notices that the root is gone
    RepairOutcome gone;
    gone.what = RepairResult::kSkipped;
    gone.skip = Skip::kGone;
    return hand_over(order.path, std::move(gone), true);
  }
  if (!order.look)
    return hand_over(order.path, repairs->repair(task_of(order, witness, left_alone_)), true);
  // A storm: repair everything in this directory, whichever process changed it.
  ScanTask look;
  look.policy = &order.policy();
  look.nested = nested_trees(*order.set, order.set->trees()[order.tree]);
  look.start = order.path;
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
    auto each = task_of(order, witness, left_alone_);
    each.relative_path = finding.path;
    each.expected = nullptr;
    hand_over(std::string(finding.path), repairs->repair(each), false);
  };
  const auto done = scan(*root, look, options, found, stop, progress);
  (void)done_.put({order.number, order.path, {}, done ? "" : done.error().text(), true}, stop);
}

}  // namespace guard
