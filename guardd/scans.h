// Scans behind the daemon's back: a thread of its own takes trees one after the other and hands
// what it finds to the daemon's loop, which is woken by a descriptor. Bounded: when the loop is
// behind, the scan waits for it. A tree that is asked for twice is scanned once more, not twice.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "guardd/remedy.h"
#include "policy/base/handle.h"
#include "policy/policy_set.h"

namespace guard {

class Scans {
 public:
  struct Wrong {
    std::shared_ptr<const PolicySet> set;  // the policies it was judged by
    std::uint32_t tree = 0;
    std::string path;
    RemedyOutcome outcome;
  };

  explicit Scans(unsigned threads);
  ~Scans();
  Scans(const Scans&) = delete;
  Scans& operator=(const Scans&) = delete;

  int fd() const { return wake_.get(); }  // readable when there is something to take
  void ask(std::shared_ptr<const PolicySet> set, std::uint32_t tree);
  std::vector<Wrong> take();

 private:
  struct Job {
    std::shared_ptr<const PolicySet> set;
    std::uint32_t tree = 0;
  };

  void run(const std::stop_token& stop);
  void scan_tree(const Job& job, const std::stop_token& stop);
  void hand_over(Wrong wrong, const std::stop_token& stop);

  const unsigned threads_;
  Fd wake_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> jobs_;
  std::vector<Wrong> found_;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace guard
