// Runs slow work on threads of its own: looking up accounts, reading the history, scanning. Its
// result is handled on the loop. Bounded: send() fails when the queue is full. What root asks for
// comes first, and other users never take all the threads. The loop calls it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "guardd/base/inbox.h"
#include "policy/base/ids.h"

namespace guard {

class BackgroundJobs {
 public:
  static constexpr std::size_t kMostWaiting = 64;  // of root's, and of all others
  static constexpr std::size_t kMostOfAUser = 8;   // of one other user

  using Finish = std::function<void()>;  // runs on the loop
  // What a job can use, on its thread.
  class JobContext {
   public:
    JobContext(std::stop_token stop, Inbox<Finish>& inbox)
        : stop_(std::move(stop)), inbox_(inbox) {}
    // Tells the job to end early. Its Finish does not run then.
    const std::stop_token& stop() const { return stop_; }
    // Runs this on the loop while the job goes on. Waits while the inbox is full.
    void post(Finish news) const { (void)inbox_.put(std::move(news), stop_); }

   private:
    std::stop_token stop_;
    Inbox<Finish>& inbox_;
  };
  using Work = std::function<Finish(const JobContext&)>;

  explicit BackgroundJobs(unsigned threads) : most_threads_(threads) {}
  ~BackgroundJobs();
  BackgroundJobs(const BackgroundJobs&) = delete;
  BackgroundJobs& operator=(const BackgroundJobs&) = delete;

  int fd() const { return finished_.fd(); }  // readable when finish() has work
  // False if the queue is full. `cancel` is stopped when no caller waits for the result any longer.
  // `user`: who asked for it.
  bool send(Work work, std::stop_token cancel = {}, Uid user = Uid{0});
  void finish();

 private:
  struct Job {
    Work work;
    std::stop_token cancel;
    Uid user;
  };
  bool may_begin() const;
  Job begin();
  void run(const std::stop_token& stop);

  const unsigned most_threads_;
  Inbox<Finish> finished_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> waiting_;                       // root's
  std::deque<Job> others_;                        // of other users
  std::map<std::uint32_t, std::size_t> of_user_;  // how many of others_
  unsigned others_running_ = 0;
  unsigned idle_ = 0;
  std::vector<std::jthread> threads_;  // last, so that they end first
};

}  // namespace guard
