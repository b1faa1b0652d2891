// Scans behind the daemon's back: a thread of its own takes trees one after the other and hands
// what it finds to the daemon's loop, which is woken by a descriptor. Bounded: when the loop is
// behind, the scan waits for it. A tree that is asked for twice is scanned once more, not twice. A
// scan that could not see everything is begun again, a few times.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "guardd/base/inbox.h"
#include "guardd/repair/left_alone.h"
#include "guardd/repair/pace.h"
#include "guardd/repair/repair.h"
#include "guardd/repair/tree_sizes.h"
#include "policy/policy_set.h"

namespace guard {

class ScanWorker {
 public:
  struct Wrong {
    std::shared_ptr<const PolicySet> set;  // the policies it was judged by
    std::uint32_t tree = 0;
    std::string path;
    RepairOutcome outcome;
    FileId object;  // where it was left as it is
    // The last of this tree, and nothing wrong itself.
    bool is_end = false;
    bool is_complete = false;  // with is_end: all that is in it was looked at
  };

  // What a person has undone is left as it is; it outlives this.
  ScanWorker(unsigned threads, const LeftAlone& left_alone);
  ~ScanWorker();
  ScanWorker(const ScanWorker&) = delete;
  ScanWorker& operator=(const ScanWorker&) = delete;

  int fd() const { return found_.fd(); }  // readable when there is something to take
  void ask(std::shared_ptr<const PolicySet> set, std::uint32_t tree);
  std::vector<Wrong> take() { return found_.take(); }
  bool idle() const;  // nothing was asked for that is not done
  unsigned threads() const { return threads_; }
  TreeSizes& sizes() { return sizes_; }
  // Somebody works in the trees: scans give way.
  void stir() { in_use_.stir(); }

 private:
  struct Job {
    std::shared_ptr<const PolicySet> set;
    std::uint32_t tree = 0;
    unsigned tries = 0;
  };

  bool is_asked(const Job& job) const;
  void run(const std::stop_token& stop);
  // Whether all of it was looked at.
  bool scan_tree(const Job& job, const std::stop_token& stop);

  const unsigned threads_;
  const LeftAlone& left_alone_;
  TreeSizes sizes_;
  InUse in_use_;
  Inbox<Wrong> found_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> jobs_;
  bool is_scanning_ = false;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace guard
