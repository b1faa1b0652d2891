// Scans trees on a thread of the repair process, one after the other, and passes the findings to
// its loop. If a file system does not respond, the trees of other file systems get another thread.
// Bounded: the scan waits while the loop is behind. The first fixed files of a scan are passed one
// by one, and all others as lists: a tree in which all is wrong is fixed faster than the main
// process could report each file. An incomplete scan is repeated a few times.
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
#include "guardd/repair/scan.h"
#include "guardd/repair_process/orders.h"
#include "guardd/repair_process/witness_channel.h"

namespace guard {

class ScanWorker {
 public:
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
  ScanWorker(unsigned threads, AskedWitness* witness, const LeftAlone& left_alone);
  ~ScanWorker();
  ScanWorker(const ScanWorker&) = delete;
  ScanWorker& operator=(const ScanWorker&) = delete;

  int fd() const { return found_.fd(); }  // readable when there is something to take
  void give(ScanOrder order);
  std::vector<ScanFinding> take() { return found_.take(); }
  // The paths of trees whose scans hang.
  std::set<std::string> hanging() const;
  // Whether hanging() has changed since the last call.
  bool work(SteadyTime now);
  std::optional<SteadyTime> next() const;  // when to call it
  // Files in the trees are changing: scans slow down.
  void note_activity() { activity_.note(); }

 private:
  struct Job {
    ScanOrder order;
    unsigned tries = 0;
    SteadyTime began;
  };
  struct Scan {  // under way
    Job job;
    ScanProgress progress;
    std::uint64_t met = 0;  // when work() looked last and there was more than before
    SteadyTime met_at;
    bool stalls = false;
  };

  class Findings;

  std::deque<Job>::iterator next_job();
  void start_thread();
  void run(const std::stop_token& stop);
  // Whether everything was checked.
  bool scan_tree(const ScanOrder& order, ScanProgress& progress, const std::stop_token& stop);

  const unsigned threads_;
  AskedWitness* witness_;
  const LeftAlone& left_alone_;
  TreeActivity activity_;
  Inbox<ScanFinding> found_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> jobs_;
  std::list<Scan> scans_;
  std::set<std::string> hanging_;
  SteadyTime looked_at_;
  unsigned idle_ = 0;                   // threads
  std::vector<std::jthread> scanners_;  // last: they end before what they use
};

}  // namespace guard
