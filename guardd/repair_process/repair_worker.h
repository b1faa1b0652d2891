// Carries out repair orders on threads of the repair process, because chown can wait for a frozen
// or remote file system. One thread at a time repairs one tree, in order, and only few work on one
// file system, so one that hangs delays no other. Threads are started when they are needed.
// Bounded: the main process gives only so many orders of a tree. The loop of the process gives and
// takes.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
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
#include "guardd/repair_process/orders.h"
#include "guardd/repair_process/witness_channel.h"

namespace guard {

class RepairWorker {
 public:
  static constexpr unsigned kThreadsOfAFileSystem = 2;
  // Then it is another tree's turn.
  static constexpr std::size_t kMostInATurn = 64;
  // If so many hang, all else waits until one of their file systems responds.
  static constexpr unsigned kMostThreads = 16;

  // Both must outlive this. `witness` may be null. Files of excused processes are added to
  // `left_alone`.
  RepairWorker(AskedWitness* witness, LeftAlone& left_alone);
  ~RepairWorker();
  RepairWorker(const RepairWorker&) = delete;
  RepairWorker& operator=(const RepairWorker&) = delete;

  int fd() const { return done_.fd(); }
  void give(RepairOrder order);
  // The paths of trees whose repairs hang.
  std::set<std::string> hanging() const;
  // Whether hanging() has changed since the last call.
  bool work();
  std::optional<SteadyTime> next() const;  // when to call it
  std::vector<OrderReport> take() { return done_.take(); }

 private:
  struct Queue {
    std::deque<RepairOrder> waiting;
    std::string file_system;
    bool is_served = false;
    std::uint64_t turn = 0;  // when it was served last
    SteadyTime since;        // when the current repair began, or met something
  };

  bool can_be_served(const Queue& queue) const;
  std::unordered_map<std::string, Queue>::iterator next_queue();
  std::set<std::string> hanging_now() const;
  void run(const std::stop_token& stop);
  void serve(Queue& queue, std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  void carry_out(Queue& queue, const RepairOrder& order, const Result<Object>& root,
                 std::optional<TreeRepair>& repairs, Witness* witness, const std::stop_token& stop);

  AskedWitness* witness_;
  LeftAlone& left_alone_;
  Inbox<OrderReport> done_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::unordered_map<std::string, Queue> trees_;  // by path, which outlives a tree's number
  std::map<std::string, unsigned> served_;        // trees, by file system
  std::uint64_t turns_ = 0;
  std::set<std::string> hanging_;      // at the last work()
  unsigned idle_ = 0;                  // threads
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

}  // namespace guard
