// Applies repairs on worker threads, because chown can wait for a frozen or remote file system and
// the loop must not. One thread at a time repairs one tree, in order, and only few work on one file
// system, so one that hangs delays no other. Threads are started when they are needed. Bounded: a
// repair that has no room stays with the caller. The loop offers and takes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "guardd/base/inbox.h"
#include "guardd/repair/left_alone.h"
#include "guardd/repair/repair.h"
#include "guardd/settle/settle_queue.h"
#include "policy/policy_set.h"

namespace guard {

// One object to fix, or with due.look everything in one directory.
struct Repair {
  std::shared_ptr<const PolicySet> set;
  std::uint32_t tree = 0;
  std::string path;  // relative to the tree
  SettledChange due;
  bool war = false;

  const Policy& policy() const { return set->policy_of(set->trees()[tree]); }
};

// The result. With due.look there is one for each wrong object.
struct RepairReport {
  std::shared_ptr<const Repair> repair;
  std::string path;
  RepairOutcome outcome;
  std::string trouble;  // not empty: why the directory could not be read
};

class RepairWorker {
 public:
  static constexpr std::size_t kMostOfATree = 512;
  static constexpr unsigned kThreadsOfAFileSystem = 2;
  // If so many hang, all else waits until one of their file systems responds.
  static constexpr unsigned kMostThreads = 16;

  enum class Offer : std::uint8_t {
    kAccepted,
    kFull,     // try again after take()
    kHanging,  // the file system does not respond: try again later
  };

  // Both must outlive this. `witness` may be null. Files of excused processes are added to
  // `left_alone`.
  RepairWorker(Witness* witness, LeftAlone& left_alone);
  ~RepairWorker();
  RepairWorker(const RepairWorker&) = delete;
  RepairWorker& operator=(const RepairWorker&) = delete;

  int fd() const { return done_.fd(); }
  // What offer() would do for this tree.
  Offer has_room(const std::string& tree_path) const;
  // `file_system`: what FileId calls it.
  void offer(Repair repair, std::string file_system);
  // The paths of trees whose repairs hang.
  std::set<std::string> hanging() const;
  // Whether hanging() has changed since the last call.
  bool work();
  std::optional<SteadyTime> next() const;  // when to call it
  std::vector<RepairReport> take() { return done_.take(); }

 private:
  struct Queue {
    std::deque<std::shared_ptr<const Repair>> waiting;
    std::string file_system;
    bool is_served = false;
    SteadyTime since;  // when the current repair began, or met something
  };

  bool can_be_served(const Queue& queue) const;
  std::set<std::string> hanging_now() const;
  void run(const std::stop_token& stop);
  void serve(Queue& queue, std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  void repair(Queue& queue, const std::shared_ptr<const Repair>& task, const Result<Object>& root,
              std::optional<TreeRepair>& repairs, const std::stop_token& stop);

  Witness* witness_;
  LeftAlone& left_alone_;
  Inbox<RepairReport> done_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::unordered_map<std::string, Queue> trees_;  // by path, which outlives a tree's number
  std::map<std::string, unsigned> served_;        // trees, by file system
  std::set<std::string> hanging_;                 // at the last work()
  unsigned idle_ = 0;                             // threads
  std::vector<std::jthread> threads_;             // last: they end before what they use
};

}  // namespace guard
