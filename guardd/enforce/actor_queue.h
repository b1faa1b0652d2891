// Holds what needs to know who acted until helpers have read that: briefly, because that has a
// deadline. Keeps the order. Bounded: beyond the bound, work goes on with what is known. One
// thread: the daemon's loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "guardd/who/acting_process.h"

namespace guard {

class ActorQueue {
 public:
  static constexpr std::size_t kMost = 20'000;
  using Work = std::function<void()>;

  // Now, if everything is known of the process. `who` is null if nothing ever will be.
  void run(const std::shared_ptr<const ActingProcess>& who, Work work) {
    if (is_known(who) && waiting_.empty()) return work();
    waiting_.emplace_back(who, std::move(work));
    run_known();
  }

  // What is about processes that are complete now.
  void run_known() {
    while (!waiting_.empty() && (is_known(waiting_.front().first) || waiting_.size() > kMost))
      run_first();
  }
  // Everything, with what is known.
  void run_all() {
    while (!waiting_.empty()) run_first();
  }

 private:
  static bool is_known(const std::shared_ptr<const ActingProcess>& who) {
    return !who || who->is_complete();
  }
  void run_first() {
    const auto work = std::move(waiting_.front().second);
    waiting_.pop_front();
    work();
  }

  std::deque<std::pair<std::shared_ptr<const ActingProcess>, Work>> waiting_;
};

}  // namespace guard
