// Remedies behind the loop's back: changing an owner can wait for the file system, which may be
// frozen or far away, and the loop never waits. What concerns one tree is done in its order, by one
// thread at a time, so that a tree that hangs holds up no other. Bounded: what has no room is
// refused, and stays where it came from. The loop offers and takes; the threads are its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
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

// One object, or with due.look everything a directory holds, to be put right.
struct Repair {
  std::shared_ptr<const PolicySet> set;
  std::uint32_t tree = 0;
  std::string path;  // relative to the tree
  SettledChange due;
  bool war = false;

  const Policy& policy() const { return set->policy_of(set->trees()[tree]); }
};

// What came of it. With due.look there is one for each object that was wrong.
struct RepairReport {
  std::shared_ptr<const Repair> repair;
  std::string path;
  RepairOutcome outcome;
  std::string trouble;  // not empty: the directory could not be looked through
};

class RepairWorker {
 public:
  static constexpr std::size_t kMostOfATree = 512;
  static constexpr unsigned kThreads = 2;

  enum class Offer : std::uint8_t {
    kTaken,
    kFull,     // ask again when something was taken out of the inbox
    kHanging,  // the file system has not answered for a while: ask again later
  };

  // What a person has undone is left as it is, and so is what an excused one has done, which is
  // remembered there; it outlives this.
  explicit RepairWorker(LeftAlone& left_alone);
  ~RepairWorker();
  RepairWorker(const RepairWorker&) = delete;
  RepairWorker& operator=(const RepairWorker&) = delete;

  int fd() const { return done_.fd(); }
  // Whether offer() would take something of this tree.
  Offer has_room(const std::string& tree_path) const;
  void offer(Repair repair);
  std::vector<RepairReport> take() { return done_.take(); }

 private:
  struct Queue {
    std::deque<std::shared_ptr<const Repair>> waiting;
    bool is_served = false;
    SteadyTime since;  // when the one that is being done was begun
  };

  void run(const std::stop_token& stop);
  void serve(Queue& queue, std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  void repair(const std::shared_ptr<const Repair>& task, const Result<Object>& root,
              const std::stop_token& stop);

  LeftAlone& left_alone_;
  Inbox<RepairReport> done_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::unordered_map<std::string, Queue> trees_;  // by their paths, which outlive their numbers
  std::vector<std::jthread> threads_;             // last: they end before what they use
};

}  // namespace guard
