// Answers the opens for which what the kernel says of the opener, the file and the call is enough:
// most of them. The others are the handler's. Never waits. Each thread that reads has its own.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "guardd/permission/answer_terms.h"
#include "guardd/permission/event.h"
#include "guardd/permission/follow_up.h"
#include "guardd/permission/opened_file.h"
#include "guardd/permission/opener.h"
#include "guardd/permission/watchdog.h"
#include "guardd/who/acting_process.h"

namespace guard {

// Its opener cannot change its ids while it waits.
struct OpenFacts {
  Opener opener;
  OpenedFile opened;
  OpenCall call;
};

// An open, and what is known of it so far.
struct WaitingOpen {
  std::shared_ptr<PermissionEvent> event;
  std::optional<OpenFacts> facts;
  std::shared_ptr<const ActingProcess> process;  // null: it was not needed yet
  struct Flags {
    bool is_known = false;
    std::optional<std::uint64_t> word;
  };
  std::shared_ptr<Flags> flags;  // those that a helper reads; null: it was not asked
};

bool goes_by_paths(const Policy& policy);

class QuickAnswers {
 public:
  enum class Step : std::uint8_t {
    kAnswered,
    kTooSoon,     // the opener's thread does not sleep yet, so its call cannot be read
    kUnanswered,  // the facts are known, and do not suffice
  };

  QuickAnswers(const AnswerTerms& terms, AnswerCounters& counters, PermissionWatchdog& watchdog,
               FollowUp& follow_up)
      : terms_(terms), counters_(counters), watchdog_(watchdog), follow_up_(follow_up) {}

  Step answer(WaitingOpen& open);

 private:
  Step answer_stranger(WaitingOpen& open, const Opener& opener, const OpenedFile& opened);
  bool is_harmless(const PermissionEvent& event, const OpenFacts& facts, Novelty novelty) const;
  Step allow(PermissionEvent& event);

  const std::int32_t self_ = ::getpid();
  const AnswerTerms& terms_;
  AnswerCounters& counters_;
  PermissionWatchdog& watchdog_;
  FollowUp& follow_up_;
  OpenerTable openers_;
};

}  // namespace guard
