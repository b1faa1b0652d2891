#include "guardd/base/background_jobs.h"

#include <utility>

#include "guardd/host/own_descriptors.h"

namespace guard {

BackgroundJobs::~BackgroundJobs() {
  for (auto& thread : threads_) thread.request_stop();
  changed_.notify_all();
}

bool BackgroundJobs::send(Work work, std::stop_token cancel) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= kMostWaiting) return false;
  waiting_.push_back({std::move(work), std::move(cancel)});
  if (waiting_.size() > idle_ && threads_.size() < most_threads_)
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  changed_.notify_one();
  return true;
}

void BackgroundJobs::finish() {
  for (const auto& finish : finished_.take()) finish();
}

void BackgroundJobs::run(const std::stop_token& stop) {
  if (descriptors_ == Descriptors::kOwn) (void)unshare_descriptors({finished_.fd()});
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, stop, [&] { return !waiting_.empty(); });
    --idle_;
    if (stop.stop_requested()) return;
    auto job = std::move(waiting_.front());
    waiting_.pop_front();
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
  }
}

}  // namespace guard
