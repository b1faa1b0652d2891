// Answers opens that wait for permission. The daemon's loop says which policies apply and takes
// what is to be reported; the readers' threads answer, helpers do what can wait for a file system,
// FollowUp's thread what can wait for the loop; the watchdog's limits how long an open waits.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "guardd/permission/reader.h"
#include "policy/policy_set.h"

namespace guard {

class PermissionResponder {
 public:
  // `denies_opens`: the LSM does, so only files to be fixed at open wait for an answer.
  explicit PermissionResponder(bool denies_opens);
  ~PermissionResponder();
  PermissionResponder(const PermissionResponder&) = delete;
  PermissionResponder& operator=(const PermissionResponder&) = delete;

  // Excused processes are denied nothing, and nothing of theirs is fixed.
  void use_excuses(const Excuses& excuses) { handler_.use_excuses(excuses); }
  // From here on mark() is about the trees of this set. Until end_change(), the previous policies
  // are still answered for. A policy whose opens cannot be answered is a shortcoming.
  void begin_change(std::shared_ptr<const PolicySet> set, const AnswerSettings& settings);
  void end_change();
  // Every open in a directory that this group marks waits for an answer. Null: the tree's policy
  // needs none.
  std::shared_ptr<PermissionGroup> group_of(std::uint32_t tree) const;
  // Between begin_change() and end_change(), the marks of previous trees leave with their groups.
  bool is_changing() const { return is_changing_; }
  // Releases every waiting open. None waits any more.
  void stop();

  // To be polled for reading, then take().
  int fd() const { return follow_up_.fd(); }
  std::vector<OpenReport> take() { return follow_up_.take(); }

  const AnswerCounters& counters() const { return *counters_; }
  // The helpers that it needs have started.
  bool is_ready() const { return !is_started_ || handler_.has_helpers(); }
  HelperLosses helper_losses() const { return handler_.helper_losses(); }
  std::vector<std::string> shortcomings() const;

 private:
  void make_groups(const PolicySet* before);
  void publish();
  void start(const AnswerSettings& settings);

  AnswerTerms terms_;
  std::shared_ptr<AnswerCounters> counters_ = std::make_shared<AnswerCounters>();
  std::shared_ptr<const PolicySet> set_;
  std::map<std::uint32_t, std::shared_ptr<PermissionGroup>> groups_;  // by policy, of set_
  PermissionReader::Groups leaving_;
  bool is_changing_ = false;
  bool is_started_ = false;
  std::vector<std::string> shortcomings_;

  // The last ends first: each uses those above it.
  FollowUp follow_up_;
  PermissionWatchdog watchdog_;
  OpenHandler handler_;
  Fd wake_;  // the reader's
  ExtraReaders extra_readers_;
  PermissionReader reader_;
};

}  // namespace guard
