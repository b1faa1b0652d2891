// Answers the opens that wait for permission. One thread reads, decides and answers, from memory
// and /proc alone; where a file is to be put right before its open returns, fixers do that, since
// it can wait for a file system; a monitor answers in place of whoever takes too long, and ends the
// process when nobody reads any more, so that the kernel lets everybody go. What is told, taken
// away or remembered afterwards is FollowUp's. The daemon's loop says which policies hold and
// takes what is to be told.
#pragma once

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "guardd/base/config.h"
#include "guardd/permission/decision.h"
#include "guardd/permission/event.h"
#include "guardd/permission/follow_up.h"
#include "guardd/permission/group.h"
#include "guardd/permission/opener.h"
#include "guardd/permission/pending_opens.h"
#include "guardd/who/processes.h"
#include "policy/policy_set.h"

namespace guard {

class PermissionResponder {
 public:
  using Settings = decltype(Config::answer);
  static constexpr unsigned kFixers = 2;
  static constexpr std::size_t kMostToFix = 256;

  // `refuses_opens`: the LSM does, so that only what is to be put right at once is asked for.
  explicit PermissionResponder(bool denies_opens);
  ~PermissionResponder();
  PermissionResponder(const PermissionResponder&) = delete;
  PermissionResponder& operator=(const PermissionResponder&) = delete;

  // Whoever is excused is refused nothing, and nothing is put right for him.
  void heed(const Excuses& excuses) { excuses_ = &excuses; }
  // From here on mark() is about the trees of this set. Until enforced(), what was asked before is
  // asked as well; a policy that cannot be asked for is a shortcoming.
  void prepare(std::shared_ptr<const PolicySet> set, const Settings& settings);
  void enforced();
  // Every open in this directory of a tree, if the tree's policy needs an answer.
  void mark(std::uint32_t tree, int directory);
  void unmark(std::uint32_t tree, int directory) const;
  bool asks_in(std::uint32_t tree) const { return group_of(tree) != nullptr; }
  // Lets everybody go. Nothing is asked any more.
  void stop();

  // To be polled for reading, then take().
  int fd() const { return follow_up_.fd(); }
  std::vector<AnsweredOpen> take() { return follow_up_.take(); }

  const AnswerCounters& counters() const { return *counters_; }
  std::vector<std::string> shortcomings() const;

 private:
  using Groups = std::vector<std::shared_ptr<PermissionGroup>>;
  struct Fix {
    AfterAnswer after;
    Wanted wanted;
    std::uint32_t excess = 0;
    bool is_fixed = false;
  };

  PermissionGroup* group_of(std::uint32_t tree) const;
  Settings settings() const;
  void publish();
  void start();
  void wake() const;
  void read(const std::stop_token& stop);
  bool answer_some(const std::shared_ptr<PermissionGroup>& group);
  void answer_more(const std::shared_ptr<PermissionGroup>& group);
  void answer(const std::shared_ptr<PermissionEvent>& event);
  void answer_stranger(const std::shared_ptr<PermissionEvent>& event, const Opener& opener,
                       const OpenedFile& opened, const InodeId& id);
  void conclude(const std::shared_ptr<PermissionEvent>& event, const OpenedFile& opened,
                const Decision& decision, Novelty made, AfterAnswer after);
  bool deny_or_let(const std::shared_ptr<PermissionEvent>& event, bool allow);
  bool is_never_asked(const ActingProcess& who) const;
  void offer(AfterAnswer after);
  bool offer(Fix fix);
  void fix(const std::stop_token& stop);
  void answer_fixed();
  void watch(const std::stop_token& stop);

  const bool denies_opens_;
  const std::int32_t self_ = ::getpid();           // asked for with every open
  std::atomic<const Excuses*> excuses_ = nullptr;  // null: nobody is
  std::shared_ptr<AnswerCounters> counters_ = std::make_shared<AnswerCounters>();

  // The loop's.
  std::shared_ptr<const PolicySet> set_;
  std::map<std::uint32_t, std::shared_ptr<PermissionGroup>> groups_;  // by policy, of set_
  Groups leaving_;
  bool is_changing_ = false;  // between prepare() and enforced()
  std::vector<std::string> shortcomings_;
  std::map<std::uint32_t, std::string> unmarked_;

  // Everybody's.
  mutable std::mutex mutex_;
  std::shared_ptr<const Groups> asked_ = std::make_shared<const Groups>();  // that are read
  Settings settings_;
  std::deque<Fix> to_fix_;
  std::vector<Fix> fixed_;  // to be answered by the reader
  std::condition_variable_any fix_changed_;
  PendingOpens pending_opens_;
  Fd wake_;
  std::condition_variable_any watch_changed_;
  std::atomic<bool> any_fixed_ = false;
  std::atomic<bool> is_watched_ = false;
  // When the reader began with the open that it is at, in nanoseconds; 0: it waits for one.
  std::atomic<std::int64_t> reads_since_ = 0;

  // The reader's.
  std::unique_ptr<Processes> processes_;
  OpenerTable openers_;
  // Those whose threads do not sleep yet. The monitor has an eye on them like on all others.
  std::vector<std::shared_ptr<PermissionEvent>> asked_again_;
  std::optional<std::string> own_group_;

  FollowUp follow_up_;
  std::vector<std::jthread> fixers_;
  std::jthread monitor_;
  std::jthread reader_;  // last: they end before what they use
};

}  // namespace guard
