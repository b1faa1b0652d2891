// Answers one open: decides from memory and /proc alone, answers the kernel, and queues what
// follows for FollowUp and the fixer. Never waits for a file system or another process. Runs on the
// reader's thread.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "guardd/permission/decision.h"
#include "guardd/permission/event.h"
#include "guardd/permission/fixer.h"
#include "guardd/permission/follow_up.h"
#include "guardd/permission/opener.h"
#include "guardd/permission/watchdog.h"
#include "guardd/who/excuses.h"
#include "guardd/who/processes.h"

namespace guard {

class OpenHandler {
 public:
  OpenHandler(bool denies_opens, AnswerCounters& counters, PermissionFixer& fixer,
              PermissionWatchdog& watchdog, FollowUp& follow_up)
      : denies_opens_(denies_opens),
        counters_(counters),
        fixer_(fixer),
        watchdog_(watchdog),
        follow_up_(follow_up) {}

  // Any thread. start() before the first open.
  void start();
  void use_excuses(const Excuses& excuses) { excuses_ = &excuses; }
  void use_settings(const AnswerSettings& settings);

  // False: the opener's thread does not sleep yet, so its flags cannot be read. Call again.
  bool answer(const std::shared_ptr<PermissionEvent>& event);
  void answer_fixed();

 private:
  struct Open {
    const std::shared_ptr<PermissionEvent>& event;
    const Opener& opener;
    const OpenedFile& opened;
    std::optional<Intent> intent;
    Novelty novelty = Novelty::kOld;
  };

  bool answer_stranger(const std::shared_ptr<PermissionEvent>& event, const Opener& opener,
                       const OpenedFile& opened);
  void answer_in_full(const Open& open);
  void conclude(const Open& open, const Decision& decision, FollowUpTask task);
  Decision decide_for(const Open& open, const OpenedPlace& place, const Subject& subject) const;
  bool is_never_denied(const ActingProcess& process) const;
  bool respond(const std::shared_ptr<PermissionEvent>& event, bool allow);
  void allow(const std::shared_ptr<PermissionEvent>& event) { (void)respond(event, true); }
  void follow_up(FollowUpTask task);
  AnswerSettings settings() const;

  const bool denies_opens_;
  const std::int32_t self_ = ::getpid();
  AnswerCounters& counters_;
  PermissionFixer& fixer_;
  PermissionWatchdog& watchdog_;
  FollowUp& follow_up_;
  std::atomic<const Excuses*> excuses_ = nullptr;  // null: no process is excused
  mutable std::mutex mutex_;
  AnswerSettings settings_;

  // The reader's.
  std::unique_ptr<Processes> processes_;
  OpenerTable openers_;
  std::optional<std::string> own_group_;
};

}  // namespace guard
