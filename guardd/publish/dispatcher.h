// Groups violations into incidents, counts them, and passes incidents, violations and news to all
// publishers. A violation waits a moment for facts about its actor, and is then published without
// them. Knows nothing of trees and policies. The daemon's loop; a thread of its own writes the
// lines.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "guardd/base/config.h"
#include "guardd/helpers/pool.h"
#include "guardd/host/clock.h"
#include "guardd/host/machine_ids.h"
#include "guardd/permission/group.h"
#include "guardd/publish/health_tracker.h"
#include "guardd/publish/incidents.h"
#include "guardd/publish/journal_publisher.h"
#include "guardd/publish/line_queue.h"
#include "guardd/publish/publisher.h"
#include "guardd/publish/record_id.h"
#include "guardd/publish/terminal_publisher.h"
#include "guardd/who/actor_lookup.h"
#include "policy/base/result.h"

namespace guard {

class Dispatcher {
 public:
  explicit Dispatcher(HelperPort& inquiry);

  // From now on, actors are notified on their terminals.
  Status start_terminals();
  Status start(Log log, const Config& config);
  // The last names of a previous run, so that no name is used twice. Call this before publishing
  // anything.
  struct LastNames {
    std::string incident;
    std::string violation;
  };
  void continue_after(const LastNames& last);
  // The number of records that other parts could not store.
  void count_losses(std::function<std::uint64_t()> losses) { losses_ = std::move(losses); }
  // Publishers are called in the order in which they were added, and must outlive this.
  void add(Publisher& publisher) { publishers_.push_back(&publisher); }
  void set_backend(Backend backend) { backend_ = backend; }
  void count_answers(const AnswerCounters& answers) { answers_ = &answers; }
  void set_limits(const Config& config);

  // See ActorLookup.
  void expect(const Snapshot& process, Uid owner) { lookup_.expect(process, owner); }
  // Violations before ready() are published after it.
  void violation(Violation violation);
  // Files that a scan has fixed, as Publisher::fixed_files() gets them.
  void fixed_files(Violation first, FixedFiles files);
  bool has_too_many_early() const { return early_.size() >= kMostEarly; }
  void ready(const ReadyNews& news);
  bool is_ready() const { return is_ready_; }

  // Helpers have answered: there may be new facts about an actor.
  void add_actor_facts() { publish_waiting(std::chrono::steady_clock::now()); }

  void reload(const ReloadNews& news) { publish_news(news); }
  void excuse(const ExcuseNews& news) { publish_news(news); }
  void manual_repair(const ManualRepairNews& news) { publish_news(news); }
  // Publishes what has changed; see HealthTracker::update().
  void health(const std::optional<std::string>& disabled, std::vector<std::string> shortcomings,
              HealthTracker::Pauses pauses = {});
  Health health() const { return health_.health(); }
  std::vector<std::string> health_reasons() const { return health_.reasons(); }
  void lost(std::uint64_t events) { lost_ += events; }
  // Events were lost, and a scan of the affected trees has begun.
  void report_lost_events(const std::string& why);

  void close_due(SteadyTime now);
  std::optional<SteadyTime> next_due() const;
  void stop(const std::string& reason);

  Counters counters() const;
  // Null: there is no open incident with this name. Valid until the next violation.
  const Incident* open_incident(const std::string& id) const { return incidents_.find(id); }

 private:
  static constexpr std::size_t kMostEarly = 2'000;
  static constexpr std::size_t kMostWaiting = 1'000;

  struct DelayedViolation {
    Violation violation;
    SteadyTime until;
  };

  struct Early {
    Violation violation;
    FixedFiles files;  // empty: it is a single violation
  };

  template <typename... Parameters, typename... Arguments>
  void publish(void (Publisher::*record)(Parameters...) noexcept, const Arguments&... arguments) {
    for (auto* each : publishers_) (each->*record)(arguments...);
  }
  template <typename OneNews>
  void publish_news(const OneNews& news) {
    publish(&Publisher::news, News(&news));
  }
  void publish_now(Violation violation, const FixedFiles& files = {});
  void publish_waiting(SteadyTime now);

  std::unique_ptr<LineQueue> lines_;
  std::unique_ptr<Publisher> log_;  // writes the lines
  std::unique_ptr<TerminalPublisher> terminals_;
  std::vector<Publisher*> publishers_;
  JournalPublisher* journal_ = nullptr;  // `log_`, if it is the journal
  Backend backend_ = Backend::kFanotify;
  std::function<std::uint64_t()> losses_;
  const AnswerCounters* answers_ = nullptr;
  Incidents incidents_;
  RecordIds violation_ids_;
  MachineIds machine_;
  bool is_ready_ = false;
  std::vector<Early> early_;
  ActorLookup lookup_;
  std::deque<DelayedViolation> waiting_;  // in the order of publication
  HealthTracker health_;
  std::uint64_t violations_ = 0;
  std::uint64_t fixed_ = 0;
  std::uint64_t denied_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace guard
