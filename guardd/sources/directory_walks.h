// Walks the directories of trees on a thread of its own: opens, marks and lists them. The loop
// decides about each directory before it is listed. Steps of all trees take turns, so a big tree
// delays no other, and no more than a few hundred directories of a tree are open at a time. Decides
// nothing and knows no policies. The loop gives orders and takes steps; it never waits here.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "guardd/files/listing.h"
#include "guardd/sources/tree_walk.h"
#include "policy/base/handle.h"

namespace guard {

class DirectoryWalks {
 public:
  DirectoryWalks();
  ~DirectoryWalks();
  DirectoryWalks(const DirectoryWalks&) = delete;
  DirectoryWalks& operator=(const DirectoryWalks&) = delete;

  int fd() const { return wake_.get(); }  // readable when take() has a step

  // From here on, steps of this tree follow these terms.
  void use(std::uint64_t watch, std::shared_ptr<const WalkTerms> terms);
  // Walks the whole tree from its root, whose identity this is. Ends with a step of kind kEnd.
  void visit(std::uint64_t watch, FileId root, std::uint32_t visit);
  // Walks a directory that has just come. Each comes back as one WalkedDirectory.
  void enter(std::uint64_t watch, NewName name);
  // Removes the marks of these directories.
  void unmark(std::uint64_t watch, std::vector<FileId> directories);
  // Ends the walks of this tree; its terms stay.
  void stop(std::uint64_t watch);
  void forget(std::uint64_t watch);
  // Runs this on the thread, after all orders before it.
  void run(std::function<void()> work);

  std::optional<WalkStep> take();
  // The loop has filled in the verdicts.
  void answer(WalkChunk& chunk);

 private:
  using Order = std::function<void()>;

  void order(Order order);
  void walk(const std::stop_token& stop);
  void with(std::uint64_t watch, std::function<void(TreeWalk&)> work);
  bool step_all();
  bool has_room();
  void put(WalkStep step);

  Fd wake_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Order> orders_;
  std::deque<WalkStep> steps_;
  bool has_news_ = false;                                     // an answer, or room for steps
  std::map<std::uint64_t, std::unique_ptr<TreeWalk>> walks_;  // the thread's
  std::uint64_t last_ = 0;                                    // the last one that did something
  std::jthread thread_;                                       // last: it ends before what it uses
};

}  // namespace guard
