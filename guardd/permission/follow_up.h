// What follows an answer, once the open no longer waits: removes the empty file that a denied open
// made, exempts files with the same answer for all from further events, and hands over reports. Two
// threads of its own: one removes, which can wait for a file system for ever, the other does the
// rest. Their queue is bounded.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
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
  bool remove = false;  // the open was denied, and made the file
  bool report = false;
  OpenedPlace place;
  Violation violation;
  std::shared_ptr<const ActingProcess> process;
};

class FollowUp {
 public:
  static constexpr std::size_t kMost = 1024;

  FollowUp();
  ~FollowUp();
  FollowUp(const FollowUp&) = delete;
  FollowUp& operator=(const FollowUp&) = delete;

  // Never waits. False: there is no room.
  bool offer(FollowUpTask task);
  // Whether the file is still to be removed: until then only its owner may open it.
  bool is_being_removed(const InodeId& file) const;

  int fd() const { return reports_.fd(); }
  std::vector<OpenReport> take() { return reports_.take(); }

 private:
  void run(const std::stop_token& stop);
  void report(FollowUpTask task, const std::stop_token& stop);
  void remove_files(const std::stop_token& stop);

  Inbox<OpenReport> reports_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<FollowUpTask> waiting_;
  std::condition_variable_any removal_changed_;
  std::deque<FollowUpTask> to_remove_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> being_removed_;
  std::jthread remover_;
  std::jthread thread_;  // last: they end before what they use
};

}  // namespace guard
