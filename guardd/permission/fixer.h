// Fixes new files before their opens return. Changing an owner can wait for a file system, so
// threads of its own do that: they never answer an open. The reader offers and takes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "guardd/base/inbox.h"
#include "guardd/permission/follow_up.h"
#include "policy/policy_set.h"

namespace guard {

struct OpenFix {
  FollowUpTask task;
  WantedState wanted;
  std::uint32_t mode_excess = 0;
  bool is_fixed = false;
};

class PermissionFixer {
 public:
  static constexpr unsigned kThreads = 2;
  static constexpr std::size_t kMost = 256;

  void start();
  // Never waits. False: there is no room.
  bool offer(OpenFix fix);
  // Readable when take() has something. has_done() says so without a system call.
  int fd() const { return done_.fd(); }
  bool has_done() const { return has_done_; }
  std::vector<OpenFix> take();

 private:
  void run(const std::stop_token& stop);

  Inbox<OpenFix> done_;
  std::atomic<bool> has_done_ = false;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<OpenFix> waiting_;
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

}  // namespace guard
