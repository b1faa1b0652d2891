#include "guardd/sources/directory_walks.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace guard {
namespace {

// Steps that wait for the loop. A step of one tree adds a few at most, so this bounds memory.
constexpr std::size_t kMostSteps = 16;

}  // namespace

DirectoryWalks::DirectoryWalks() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

DirectoryWalks::~DirectoryWalks() {
  thread_.request_stop();
  changed_.notify_all();
}

void DirectoryWalks::use(std::uint64_t watch, std::shared_ptr<const WalkTerms> terms) {
  order([this, watch, terms = std::move(terms)] {
    auto& walk = walks_[watch];
    if (!walk)
      walk = std::make_unique<TreeWalk>(watch, [this](WalkStep step) { put(std::move(step)); });
    walk->use(terms);
  });
}

void DirectoryWalks::with(std::uint64_t watch, std::function<void(TreeWalk&)> work) {
  order([this, watch, work = std::move(work)] {
    if (const auto at = walks_.find(watch); at != walks_.end()) work(*at->second);
  });
}

void DirectoryWalks::visit(std::uint64_t watch, FileId root, std::uint32_t visit) {
  with(watch, [root = std::move(root), visit](TreeWalk& walk) { walk.visit(root, visit); });
}

void DirectoryWalks::enter(std::uint64_t watch, NewName name) {
  with(watch, [name = std::move(name)](TreeWalk& walk) { walk.enter(name); });
}

void DirectoryWalks::unmark(std::uint64_t watch, std::vector<FileId> directories) {
  with(watch, [all = std::move(directories)](TreeWalk& walk) { walk.unmark(all); });
}

void DirectoryWalks::stop(std::uint64_t watch) {
  with(watch, [](TreeWalk& walk) { walk.stop(); });
}

void DirectoryWalks::forget(std::uint64_t watch) {
  order([this, watch] { walks_.erase(watch); });
}

void DirectoryWalks::run(std::function<void()> work) {
  order(std::move(work));
}

// The thread starts with the first order.
void DirectoryWalks::order(Order order) {
  const std::lock_guard lock(mutex_);
  orders_.push_back(std::move(order));
  if (!thread_.joinable())
    thread_ = std::jthread([this](const std::stop_token& stop) { walk(stop); });
  changed_.notify_one();
}

std::optional<WalkStep> DirectoryWalks::take() {
  const std::lock_guard lock(mutex_);
  if (steps_.empty()) {
    std::uint64_t count = 0;
    (void)::read(wake_.get(), &count, sizeof count);  // only resets it
    return std::nullopt;
  }
  auto step = std::move(steps_.front());
  steps_.pop_front();
  has_news_ = true;
  if (steps_.empty()) changed_.notify_one();
  return step;
}

void DirectoryWalks::answer(WalkChunk& chunk) {
  chunk.is_answered.store(true, std::memory_order_release);
  const std::lock_guard lock(mutex_);
  has_news_ = true;
  changed_.notify_one();
}

void DirectoryWalks::put(WalkStep step) {
  const std::lock_guard lock(mutex_);
  if (steps_.empty()) {
    const std::uint64_t one = 1;
    (void)::write(wake_.get(), &one, sizeof one);
  }
  steps_.push_back(std::move(step));
}

bool DirectoryWalks::has_room() {
  const std::lock_guard lock(mutex_);
  return steps_.size() < kMostSteps;
}

// In turns: each begins behind the last tree that had one, so that all get their share of the room.
bool DirectoryWalks::step_all() {
  bool any = false;
  auto at = walks_.upper_bound(last_);
  for (auto count = walks_.size(); count > 0 && has_room(); --count, ++at) {
    if (at == walks_.end()) at = walks_.begin();
    if (!at->second->step()) continue;
    last_ = at->first;
    any = true;
  }
  return any;
}

void DirectoryWalks::walk(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto orders = std::exchange(orders_, {});
    has_news_ = false;
    lock.unlock();
    for (const auto& each : orders) each();
    const bool any = step_all();
    lock.lock();
    if (!any) changed_.wait(lock, stop, [this] { return !orders_.empty() || has_news_; });
  }
}

}  // namespace guard
