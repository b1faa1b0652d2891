// Scans trees on a thread of its own, one after the other, and passes the findings to the daemon's
// loop. If a file system does not respond, the trees of other file systems get another thread.
// Bounded: the scan waits while the loop is behind. The first fixed files of a scan are passed one
// by one, and all others as lists: a tree in which all is wrong is fixed faster than the loop could
// report each file. A tree that is requested several times is scanned once more. An incomplete scan
// is repeated a few times.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "guardd/base/inbox.h"
#include "guardd/repair/left_alone.h"
#include "guardd/repair/pace.h"
#include "guardd/repair/repair.h"
#include "guardd/repair/scan.h"
#include "guardd/repair/tree_sizes.h"
#include "policy/policy_set.h"
#include "policy/record/fixed_files.h"

namespace guard {

class ScanWorker {
 public:
  struct Report {
    std::shared_ptr<const PolicySet> set;  // the policies it was judged by
    std::uint32_t tree = 0;
    std::string path;
    RepairOutcome outcome;
    FileId object;  // unless it was fixed
    // Not empty: all these files were fixed, and path and outcome are those of the first.
    FixedFiles files{};  // by absolute paths
    // Marks the end of the tree's scan, and is not a wrong object.
    bool is_end = false;
    bool is_complete = false;  // with is_end: everything in the tree was checked
    SteadyTime began;          // with is_end
  };

  // How many fixed files of a scan are passed one by one.
  static constexpr std::size_t kMostSingle = 100;
  // Of one list.
  static constexpr std::size_t kMostInList = 512;
  static constexpr auto kLongestInList = std::chrono::milliseconds(20);
  // If a scan meets nothing for this long, others begin beside it; and it is said to hang.
  static constexpr auto kStallsAfter = std::chrono::seconds(2);
  static constexpr auto kHangsAfter = std::chrono::seconds(10);
  static constexpr unsigned kMostScans = 8;  // at a time: all but one of them stall

  // Both must outlive this. `witness` may be null.
  ScanWorker(unsigned threads, Witness* witness, const LeftAlone& left_alone);
  ~ScanWorker();
  ScanWorker(const ScanWorker&) = delete;
  ScanWorker& operator=(const ScanWorker&) = delete;

  int fd() const { return found_.fd(); }  // readable when there is something to take
  void request(std::shared_ptr<const PolicySet> set, std::uint32_t tree, std::string file_system);
  // Begins no scan meanwhile.
  void hold(bool is_held);
  std::vector<Report> take() { return found_.take(); }
  bool idle() const;  // all requested scans are done
  // The paths of trees whose scans hang.
  std::set<std::string> hanging() const;
  // Whether hanging() has changed since the last call.
  bool work(SteadyTime now);
  std::optional<SteadyTime> next() const;  // when to call it
  unsigned threads() const { return threads_; }
  TreeSizes& sizes() { return sizes_; }
  // Files in the trees are changing: scans slow down.
  void note_activity() { activity_.note(); }

 private:
  struct Job {
    std::shared_ptr<const PolicySet> set;
    std::uint32_t tree = 0;
    std::string file_system;
    unsigned tries = 0;
    SteadyTime began;

    const std::string& path() const { return set->trees()[tree].path; }
  };
  struct Scan {  // under way
    Job job;
    ScanProgress progress;
    std::uint64_t met = 0;  // when work() looked last and there was more than before
    SteadyTime met_at;
    bool stalls = false;
  };

  class Findings;

  bool is_requested(const Job& job) const;
  std::deque<Job>::iterator next_job();
  void start_thread();
  void run(const std::stop_token& stop);
  // Whether everything was checked.
  bool scan_tree(const Job& job, ScanProgress& progress, const std::stop_token& stop);

  const unsigned threads_;
  Witness* witness_;
  const LeftAlone& left_alone_;
  TreeSizes sizes_;
  TreeActivity activity_;
  Inbox<Report> found_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> jobs_;
  std::list<Scan> scans_;
  std::set<std::string> hanging_;
  SteadyTime looked_at_;
  bool is_held_ = false;
  unsigned idle_ = 0;                   // threads
  std::vector<std::jthread> scanners_;  // last: they end before what they use
};

}  // namespace guard
