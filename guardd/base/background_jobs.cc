#include "guardd/base/background_jobs.h"

#include <utility>

namespace guard {

BackgroundJobs::~BackgroundJobs() {
  for (auto& thread : threads_) thread.request_stop();
  changed_.notify_all();
}

bool BackgroundJobs::send(Work work, std::stop_token cancel, Uid user) {
  const std::lock_guard lock(mutex_);
  const bool is_root = user == Uid{0};
  auto& queue = is_root ? waiting_ : others_;
  if (queue.size() >= kMostWaiting) return false;
  if (!is_root && of_user_[user.value] >= kMostOfAUser) return false;
  if (!is_root) ++of_user_[user.value];
  queue.push_back({std::move(work), std::move(cancel), user});
  if (waiting_.size() + others_.size() > idle_ && threads_.size() < most_threads_)
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  changed_.notify_one();
  return true;
}

// One thread is left for root, unless there is only one.
bool BackgroundJobs::may_begin() const {
  const bool has_thread = others_running_ + 1 < most_threads_ || most_threads_ == 1;
  return !waiting_.empty() || (!others_.empty() && has_thread);
}

BackgroundJobs::Job BackgroundJobs::begin() {
  auto& queue = waiting_.empty() ? others_ : waiting_;
  auto job = std::move(queue.front());
  queue.pop_front();
  if (job.user == Uid{0}) return job;
  ++others_running_;
  const auto of_user = of_user_.find(job.user.value);
  if (--of_user->second == 0) of_user_.erase(of_user);
  return job;
}

void BackgroundJobs::finish() {
  for (const auto& finish : finished_.take()) finish();
}

void BackgroundJobs::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, stop, [&] { return may_begin(); });
    --idle_;
    if (stop.stop_requested()) return;
    auto job = begin();
    const bool is_others = job.user != Uid{0};
    lock.unlock();
    if (!job.cancel.stop_requested()) {
      // Stops if no caller waits any longer, or if guardd ends.
      std::stop_source either;
      const auto end = [&either] { (void)either.request_stop(); };
      const std::stop_callback cancelled(job.cancel, end);
      const std::stop_callback ending(stop, end);
      auto finish = job.work(JobContext(either.get_token(), finished_));
      if (finish)
        (void)finished_.put(
            [finish = std::move(finish), cancel = job.cancel] {
              if (!cancel.stop_requested()) finish();
            },
            stop);
    }
    // It may hold a large result: free it now.
    job = Job();
    lock.lock();
    if (is_others) --others_running_;
  }
}

}  // namespace guard
