#include "guardd/permission/follow_up.h"

#include <utility>

namespace guard {

FollowUp::~FollowUp() {
  thread_.request_stop();
  changed_.notify_all();
}

bool FollowUp::offer(FollowUpTask task) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= kMost) return false;
  waiting_.push_back(std::move(task));
  changed_.notify_one();
  return true;
}

void FollowUp::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    auto task = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    if (task.ignore) task.event->group().ignore(task.event->file());
    if (task.report) report(std::move(task), stop);
    task = {};  // closes the file
    lock.lock();
  }
}

void FollowUp::report(FollowUpTask task, const std::stop_token& stop) {
  if (task.process) {
    const auto thread = task.violation.actor->tid;
    task.violation.actor = task.process->shared_actor();
    task.violation.actor.set_thread(thread);
  }
  (void)reports_.put({task.event->group().set(), std::move(task.place), std::move(task.violation)},
                     stop);
}

}  // namespace guard
