// The waiting opens of one policy: a fanotify group for permission events, with marks on the
// policy's directories only. The group an open comes from gives its policy, so answering needs no
// path. Any thread; the kernel locks the marks.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "policy/base/handle.h"
#include "policy/base/result.h"
#include "policy/policy_set.h"

namespace guard {

// For status and tests. Answers equal events once no open waits.
struct AnswerCounters {
  std::atomic<std::uint64_t> events = 0;
  std::atomic<std::uint64_t> answers = 0;
  std::atomic<std::uint64_t> denied = 0;
  std::atomic<std::uint64_t> fixed = 0;           // before the open returned
  std::atomic<std::uint64_t> late = 0;            // answered by the watchdog at the deadline
  std::atomic<std::uint64_t> overloaded = 0;      // answered without a fix: the queue was full
  std::atomic<std::uint64_t> unknown_who = 0;     // no process found for the thread number
  std::atomic<std::uint64_t> unknown_intent = 0;  // the open's flags could not be read
  std::atomic<std::uint64_t> not_placed = 0;      // allowed: which rule applies is unknown
  std::atomic<std::uint64_t> not_told = 0;        // not reported: the queue was full
  std::atomic<std::uint64_t> failed = 0;          // the kernel rejected an answer or a read
};

class PermissionGroup {
 public:
  static Result<std::shared_ptr<PermissionGroup>> create(std::shared_ptr<const PolicySet> set,
                                                         std::uint32_t policy,
                                                         std::shared_ptr<AnswerCounters> counters);
  ~PermissionGroup();
  PermissionGroup(const PermissionGroup&) = delete;
  PermissionGroup& operator=(const PermissionGroup&) = delete;

  int fd() const { return fd_.get(); }
  const std::shared_ptr<const PolicySet>& set() const { return set_; }
  std::uint32_t policy_number() const { return policy_; }
  const Policy& policy() const { return set_->policies()[policy_]; }

  // Opens of files in this directory of a tree wait from here on, or unmarked() says why not. Fails
  // open: files opened there are fixed once they have settled. Any thread.
  void mark(int directory, const std::string& root);
  std::vector<std::string> unmarked() const;
  // What could not be marked is tried again.
  void forget_unmarked();
  void unmark(int directory) const;
  // Whether a directory on this mount was marked. Any thread.
  bool is_on(std::uint64_t mount) const;
  // Opens of this file no longer wait, until its inode leaves memory or the group ends.
  void ignore(int file);
  // Removes all marks: only opens that wait already still do.
  void release_all() const;

  struct Request {
    Fd file;
    std::int32_t thread = 0;
  };
  static constexpr std::size_t kMostAtOnce = 16;
  // The opens that wait, as many as there is room for. Never blocks.
  std::size_t read(std::span<Request> requests) const;
  void respond(int file, bool allow) noexcept;

  // Closes all groups, so that the kernel releases every waiting open. Safe in a signal handler;
  // the process must end afterwards.
  static void close_all() noexcept;

 private:
  PermissionGroup(Fd fd, std::shared_ptr<const PolicySet> set, std::uint32_t policy,
                  std::shared_ptr<AnswerCounters> counters);

  std::optional<std::string> type_that_can_hang(int directory);

  Fd fd_;
  std::shared_ptr<const PolicySet> set_;
  std::uint32_t policy_;
  std::shared_ptr<AnswerCounters> counters_;
  std::atomic<bool> cannot_ignore_ = false;
  mutable std::mutex mutex_;                           // of what follows
  std::map<std::string, std::string> unmarked_;        // why, by the tree's root
  std::map<std::uint64_t, std::string> file_systems_;  // types by device
  mutable std::mutex mounts_mutex_;                    // of what follows; held for a moment only
  std::set<std::uint64_t> mounts_;
};

}  // namespace guard
