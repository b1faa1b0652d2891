// What follows an answer, once the open no longer waits: exempts files with the same answer for all
// from further events, and hands over reports. A thread of its own. Its queue is bounded.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "guardd/base/inbox.h"
#include "guardd/permission/event.h"
#include "guardd/permission/opened_file.h"
#include "guardd/who/acting_process.h"
#include "policy/record/record.h"

namespace guard {

struct OpenReport {
  std::shared_ptr<const PolicySet> set;
  OpenedPlace place;
  Violation violation;  // the policy's fields are still to be filled in
};

struct FollowUpTask {
  std::shared_ptr<PermissionEvent> event;
  bool ignore = false;  // further opens of the file need not wait
  bool report = false;
  OpenedPlace place;
  Violation violation;
  std::shared_ptr<const ActingProcess> process;
};

class FollowUp {
 public:
  static constexpr std::size_t kMost = 1024;

  FollowUp() : thread_([this](const std::stop_token& stop) { run(stop); }) {}
  ~FollowUp();
  FollowUp(const FollowUp&) = delete;
  FollowUp& operator=(const FollowUp&) = delete;

  // Never waits. False: there is no room.
  bool offer(FollowUpTask task);

  int fd() const { return reports_.fd(); }
  std::vector<OpenReport> take() { return reports_.take(); }

 private:
  void run(const std::stop_token& stop);
  void report(FollowUpTask task, const std::stop_token& stop);

  Inbox<OpenReport> reports_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<FollowUpTask> waiting_;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace guard
