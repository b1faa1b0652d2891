// What follows an answer, once nobody waits any more: takes away the empty file that a refused open
// has made, has files that answer the same to everybody asked about no more, and hands over what is
// to be told. Two threads of its own: one takes away, which may wait for a file system for ever,
// the other does the rest; what is left for them is bounded.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "guardd/base/inbox.h"
#include "guardd/permission/event.h"
#include "guardd/who/acting_process.h"
#include "policy/record/record.h"

namespace guard {

// Where what was opened lies.
struct OpenedPlace {
  std::uint32_t tree = 0;  // in the set of the event's group
  bool is_known = false;   // else only by which path the opener reached it: a namespace of its own
  std::string path;        // relative to the tree; as the opener saw it, where that is not known
};

// An answer to be told of.
struct AnsweredOpen {
  std::shared_ptr<const PolicySet> set;
  OpenedPlace at;
  Violation violation;  // what the policy says of it is still to be filled in
};

struct AfterAnswer {
  std::shared_ptr<PermissionEvent> event;
  bool ignore = false;  // whoever opens it next need not ask
  bool remove = false;  // the open was refused, and has made it
  bool tell = false;
  OpenedPlace at;
  Violation violation;
  std::shared_ptr<const ActingProcess> who;
};

class FollowUp {
 public:
  static constexpr std::size_t kMost = 1024;

  FollowUp();
  ~FollowUp();
  FollowUp(const FollowUp&) = delete;
  FollowUp& operator=(const FollowUp&) = delete;

  // Never waits. False: there was no room.
  bool offer(AfterAnswer after);
  // Whether it is still to be taken away: until then it is refused to everybody but its owner.
  bool is_leaving(const InodeId& file) const;

  int fd() const { return told_.fd(); }
  std::vector<AnsweredOpen> take() { return told_.take(); }

 private:
  void run(const std::stop_token& stop);
  void tell(AfterAnswer after, const std::stop_token& stop);
  void take_away(const std::stop_token& stop);

  Inbox<AnsweredOpen> told_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<AfterAnswer> waiting_;
  std::condition_variable_any removal_changed_;
  std::deque<AfterAnswer> to_remove_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> leaving_;
  std::jthread remover_;
  std::jthread thread_;  // last: they end before what they use
};

}  // namespace guard
