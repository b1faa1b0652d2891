// Threads that answer beside the reader while many opens of a group wait at once, if this machine
// has the processors. They give what they cannot answer quickly to the reader. Asleep otherwise.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

#include "guardd/permission/group.h"
#include "guardd/permission/quick_answers.h"
#include "guardd/permission/watchdog.h"

namespace guard {

class ExtraReaders {
 public:
  static constexpr std::size_t kMost = PermissionWatchdog::kMostReaders - 1;
  // What each thread reads at once if there are several: few, so that others get some. If as many
  // wait, more may.
  static constexpr std::size_t kAtOnce = 4;

  // `wake`: an eventfd that is written to when there is something to take.
  ExtraReaders(const AnswerTerms& terms, AnswerCounters& counters, PermissionWatchdog& watchdog,
               FollowUp& follow_up, int wake)
      : terms_(terms),
        counters_(counters),
        watchdog_(watchdog),
        follow_up_(follow_up),
        wake_(wake) {}
  ~ExtraReaders();
  ExtraReaders(const ExtraReaders&) = delete;
  ExtraReaders& operator=(const ExtraReaders&) = delete;

  // `readers`: the threads that answer, with the reader itself. 0: half the number of processors.
  void start(std::size_t readers);
  bool any() const { return !threads_.empty(); }

  // For the reader. Many opens wait in this group: one that is asleep begins to answer them.
  void help(const std::shared_ptr<PermissionGroup>& group);
  // What they have read and not answered.
  std::vector<WaitingOpen> take();

 private:
  void run(const std::stop_token& stop, std::size_t number);
  bool answer_some(const std::shared_ptr<PermissionGroup>& group, QuickAnswers& answers);
  void give_back(WaitingOpen open);

  const AnswerTerms& terms_;
  AnswerCounters& counters_;
  PermissionWatchdog& watchdog_;
  FollowUp& follow_up_;
  const int wake_;
  std::mutex mutex_;  // of what follows
  std::condition_variable_any changed_;
  std::shared_ptr<PermissionGroup> group_;  // null: none needs help
  std::vector<WaitingOpen> unanswered_;
  std::atomic<std::size_t> idle_ = 0;
  std::atomic<bool> has_unanswered_ = false;
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

// Reads waiting opens from a group, which wait for the watchdog, too, from then on.
std::size_t read_opens(const std::shared_ptr<PermissionGroup>& group, PermissionWatchdog& watchdog,
                       std::span<WaitingOpen> opens);

}  // namespace guard
