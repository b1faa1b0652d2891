// What somebody asked for and takes its time, behind the loop's back: looking up accounts, reading
// the history, scanning. Threads of its own, begun when they are needed, do it; its end is run on
// the loop. Bounded: what has no room is refused. The loop sends and finishes.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "guardd/base/inbox.h"

namespace guard {

class BackgroundJobs {
 public:
  static constexpr std::size_t kMostWaiting = 64;

  using Finish = std::function<void()>;  // on the loop
  // Where the work is done: on a thread.
  class JobContext {
   public:
    JobContext(std::stop_token stop, Inbox<Finish>& inbox)
        : stop_(std::move(stop)), inbox_(inbox) {}
    // To end early when it says so; then its Finish is not run.
    const std::stop_token& stop() const { return stop_; }
    // Run on the loop while the work goes on; waits while there is no room.
    void tell(Finish news) const { (void)inbox_.put(std::move(news), stop_); }

   private:
    std::stop_token stop_;
    Inbox<Finish>& inbox_;
  };
  using Work = std::function<Finish(const JobContext&)>;

  // Who waits for guarded file systems needs descriptors of its own, lest one that is frozen
  // outlives us: see host/own_descriptors.h. Who reads databases must share them: within a process,
  // SQLite's connections do.
  enum class Descriptors : std::uint8_t { kShared, kOwn };

  BackgroundJobs(unsigned threads, Descriptors descriptors)
      : most_threads_(threads), descriptors_(descriptors) {}
  ~BackgroundJobs();
  BackgroundJobs(const BackgroundJobs&) = delete;
  BackgroundJobs& operator=(const BackgroundJobs&) = delete;

  int fd() const { return finished_.fd(); }  // readable when there is something to finish
  // False: there is no room. `wanted`: asked to stop when nobody wants it any more.
  bool send(Work work, std::stop_token wanted = {});
  void finish();

 private:
  struct Job {
    Work work;
    std::stop_token wanted;
  };
  void run(const std::stop_token& stop);

  const unsigned most_threads_;
  const Descriptors descriptors_;
  Inbox<Finish> finished_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> waiting_;
  unsigned idle_ = 0;
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

}  // namespace guard
