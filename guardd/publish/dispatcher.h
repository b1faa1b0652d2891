// Tells the world: groups violations into incidents, keeps count, and says what our health is when
// that changes. A violation waits a moment for what is asked about its actor, and is told without
// it then. Knows nothing of trees and policies. One thread: the daemon's loop; the lines are
// written by a thread of their own.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "guardd/base/config.h"
#include "guardd/host/clock.h"
#include "guardd/permission/group.h"
#include "guardd/publish/incidents.h"
#include "guardd/publish/journal_publisher.h"
#include "guardd/publish/line_queue.h"
#include "guardd/publish/publisher.h"
#include "guardd/publish/publishers.h"
#include "guardd/publish/record_id.h"
#include "guardd/publish/terminal_publisher.h"
#include "guardd/who/actor_lookup.h"
#include "policy/base/result.h"

namespace guard {

class Dispatcher {
 public:
  Dispatcher();

  // From here on offenders are told on their terminals.
  Status tell_offenders();
  Status start(Log log, const Config& config);
  // Names of records that were given before: none is given twice. To be said before anything is
  // told.
  struct LastNames {
    std::string incident;
    std::string violation;
  };
  void continue_after(const LastNames& last);
  // How many records could not be kept, by those who keep them.
  void count_losses(std::function<std::uint64_t()> losses) { losses_ = std::move(losses); }
  // Whoever else is to be told, and outlives what is told.
  void tell_also(Publisher& publisher) { all_.add(publisher); }
  void set_backend(Backend backend) { backend_ = backend; }
  void count_answers(const AnswerCounters* answers) { answers_ = answers; }
  void set_limits(const Config& config);

  // What is found before we are ready is told after that.
  void violation(Violation violation);
  bool has_too_many_early() const { return early_.size() >= kMostEarly; }
  void ready(const ReadyNews& news);
  bool is_ready() const { return is_ready_; }

  // Readable when something was learned of an actor: then answered().
  int fd() const { return lookup_.fd(); }
  void answered();

  void reload(const ReloadNews& news) { all_.reload(news); }
  void excuse(const ExcuseNews& news) { all_.excuse(news); }
  void manual_repair(const ManualRepairNews& news) { all_.manual_repair(news); }
  // `disabled`: why nothing is enforced. What is less than somebody might expect, and which
  // policies are paused, each in a sentence: said when it comes up and when it is over, not every
  // time.
  void health(const std::optional<std::string>& disabled, std::vector<std::string> shortcomings,
              std::map<std::string, std::string> pauses = {});
  // The worst that holds now, and all sentences that say why.
  Health health() const { return health_; }
  std::vector<std::string> health_reasons() const;
  void lost(std::uint64_t events) { lost_ += events; }
  void cured(const std::string& why);

  void close_due(SteadyTime now);
  std::optional<SteadyTime> next_due() const;
  void stop(const std::string& reason);

  Counters counters() const;
  // Null: there is none of that name, or it is over. Good until the next violation.
  const Incident* open_incident(const std::string& id) const { return incidents_.find(id); }

 private:
  static constexpr std::size_t kMostEarly = 2'000;
  static constexpr std::size_t kMostWaiting = 1'000;

  struct Waiting {
    Violation violation;
    SteadyTime until;
  };

  void tell(Violation violation);
  void say(const std::string& reason);
  void tell_waiting(SteadyTime now);

  std::unique_ptr<LineQueue> lines_;
  std::unique_ptr<Publisher> told_to_;  // who reads the lines
  std::unique_ptr<TerminalPublisher> terminals_;
  Publishers all_;
  JournalPublisher* journal_ = nullptr;  // the publisher, where it is this one
  Backend backend_ = Backend::kFanotify;
  std::function<std::uint64_t()> losses_;
  const AnswerCounters* answers_ = nullptr;
  Incidents incidents_;
  RecordIds violation_ids_;
  std::string boot_id_;
  bool is_ready_ = false;
  std::vector<Violation> early_;
  ActorLookup lookup_;
  std::deque<Waiting> waiting_;  // in the order in which they are told
  Health health_ = Health::kOk;
  std::set<std::string> told_;                 // what was said of our health, and is still so
  std::map<std::string, std::string> pauses_;  // the same of pauses, by policy
  std::uint64_t violations_ = 0;
  std::uint64_t fixed_ = 0;
  std::uint64_t denied_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace guard
