// The opens of one policy: a group of fanotify's that is asked for permission, with marks on the
// policy's directories only. Which policy an open concerns is told by the group it comes from, so
// that no path is needed to answer it. Any thread; the marks are the kernel's to lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "policy/base/handle.h"
#include "policy/base/result.h"
#include "policy/policy_set.h"

namespace guard {

// What the answerer did, for status and tests. Answers and events are equal once nobody waits.
struct AnswerCounters {
  std::atomic<std::uint64_t> events = 0;
  std::atomic<std::uint64_t> answers = 0;
  std::atomic<std::uint64_t> denied = 0;
  std::atomic<std::uint64_t> fixed = 0;           // before the open returned
  std::atomic<std::uint64_t> late = 0;            // answered because the deadline had come
  std::atomic<std::uint64_t> overloaded = 0;      // answered unseen: there was no room
  std::atomic<std::uint64_t> unknown_who = 0;     // nobody could be found behind the number
  std::atomic<std::uint64_t> unknown_intent = 0;  // how it was asked could not be learned
  std::atomic<std::uint64_t> not_placed = 0;      // let through: which rule is its own is unknown
  std::atomic<std::uint64_t> not_told = 0;        // done, but there was no room to tell of it
  std::atomic<std::uint64_t> failed = 0;          // the kernel did not take an answer, or a read
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

  // Whoever opens what is in this directory waits from here on.
  Status mark(int directory) const;
  void unmark(int directory) const;
  // Whoever opens this file is not asked about any more, until the file's inode leaves memory or
  // the group goes.
  void ignore(int file);
  // Nobody waits for this group any more but those who do already.
  void let_go() const;

  struct Waiting {
    Fd file;
    std::int32_t thread = 0;
  };
  static constexpr std::size_t kMostAtOnce = 16;
  // Those who wait, as many as there is room for. Never blocks.
  std::size_t read(std::span<Waiting> waiting) const;
  void respond(int file, bool allow) noexcept;

  // Closes all groups there are, so that the kernel lets everybody go. Safe in a signal handler;
  // the process is to end after it.
  static void close_all() noexcept;

 private:
  PermissionGroup(Fd fd, std::shared_ptr<const PolicySet> set, std::uint32_t policy,
                  std::shared_ptr<AnswerCounters> counters);

  Fd fd_;
  std::shared_ptr<const PolicySet> set_;
  std::uint32_t policy_;
  std::shared_ptr<AnswerCounters> counters_;
  std::atomic<bool> cannot_ignore_ = false;
};

}  // namespace guard
