// Answers one open: quickly, or from what is known of the opener's process and what helpers read.
// Answers the kernel, and hands what follows to FollowUp and to the helpers for opens. Never waits
// for a file system or another process. Runs on the reader's thread.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "guardd/helpers/pool.h"
#include "guardd/host/clock.h"
#include "guardd/permission/answer_terms.h"
#include "guardd/permission/decision.h"
#include "guardd/permission/event.h"
#include "guardd/permission/follow_up.h"
#include "guardd/permission/open_helper.h"
#include "guardd/permission/opener.h"
#include "guardd/permission/quick_answers.h"
#include "guardd/permission/watchdog.h"
#include "guardd/who/excuses.h"
#include "guardd/who/inquiry_helper.h"
#include "guardd/who/processes.h"

namespace guard {

class OpenHandler {
 public:
  // So many files are fixed at a time before their opens return.
  static constexpr std::size_t kMostFixes = 256;

  OpenHandler(AnswerTerms& terms, AnswerCounters& counters, PermissionWatchdog& watchdog,
              FollowUp& follow_up)
      : terms_(terms),
        counters_(counters),
        watchdog_(watchdog),
        follow_up_(follow_up),
        quick_answers_(terms, counters, watchdog, follow_up) {}

  // Any thread. start() before the first open.
  void start();
  void use_excuses(const Excuses& excuses) { excuses_ = &excuses; }

  // False: the opener's thread does not sleep yet, so its flags cannot be read, or a helper has not
  // answered yet. Call again.
  bool answer(WaitingOpen& open);
  // Those that read, and those that change files: readable when they have answered, then call
  // work_helpers().
  int helpers_fd() const { return helpers_.fd(); }
  int open_helpers_fd() const { return open_helpers_.fd(); }
  std::optional<SteadyTime> next() const;
  void work_helpers(SteadyTime now);
  bool is_fixing() const { return fixes_ > 0; }
  bool has_helpers() const { return has_helpers_; }  // any thread
  HelperLosses helper_losses() const;                // any thread

 private:
  struct Open {
    const std::shared_ptr<PermissionEvent>& event;
    const Opener& opener;
    const OpenedFile& opened;
    std::optional<Intent> intent;
    Novelty novelty = Novelty::kOld;
  };

  bool answer_slowly(WaitingOpen& waiting, const OpenFacts& facts);
  bool find_intent(WaitingOpen& waiting, const OpenFacts& facts, std::optional<Intent>& intent);
  bool answer_in_full(WaitingOpen& waiting, const Open& open);
  void conclude(const Open& open, const Decision& decision, FollowUpTask task);
  void fix(const Verdict& verdict, FollowUpTask task);
  void end_fix(FollowUpTask task, bool is_fixed);
  void remove(FollowUpTask task);
  bool is_being_removed(const InodeId& file) const;
  Decision decide_for(const Open& open, const OpenedPlace& place, const Subject& subject) const;
  bool is_never_denied(const ActingProcess& process) const;
  bool respond(const std::shared_ptr<PermissionEvent>& event, bool allow);
  void allow(const std::shared_ptr<PermissionEvent>& event) { (void)respond(event, true); }
  void follow_up(FollowUpTask task);

  AnswerTerms& terms_;
  AnswerCounters& counters_;
  PermissionWatchdog& watchdog_;
  FollowUp& follow_up_;
  std::atomic<const Excuses*> excuses_ = nullptr;  // null: no process is excused
  mutable std::mutex mutex_;                       // of what follows
  HelperLosses losses_;
  std::atomic<bool> has_helpers_ = false;

  // The reader's. A helper that hangs is replaced by another that waits already.
  HelperPool helpers_{start_inquiry_helper, {2, 4}};
  HelperPool open_helpers_{start_open_helper, {2, 4}};
  std::size_t fixes_ = 0;
  std::vector<InodeId> being_removed_;  // until then only their owners may open them
  std::unique_ptr<Processes> processes_;
  QuickAnswers quick_answers_;
  std::shared_ptr<const ActingProcess> own_process_;  // null: guardd is no service
};

}  // namespace guard
