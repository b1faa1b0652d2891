#include "guardd/daemon.h"

#include <malloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <future>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "guardd/alert/alert_units.h"
#include "guardd/alert/alerts.h"
#include "guardd/base/background_jobs.h"
#include "guardd/base/event_loop.h"
#include "guardd/base/rules.h"
#include "guardd/control/bus_endpoint.h"
#include "guardd/control/databases.h"
#include "guardd/control/policies_in_force.h"
#include "guardd/control/policy_status.h"
#include "guardd/control/reloader.h"
#include "guardd/control/shortcomings.h"
#include "guardd/control/valid_rules.h"
#include "guardd/control/visit_progress.h"
#include "guardd/enforce/enforcer.h"
#include "guardd/enforce/violation.h"
#include "guardd/enforce/watched_trees.h"
#include "guardd/helpers/pool.h"
#include "guardd/host/machine_ids.h"
#include "guardd/publish/dispatcher.h"
#include "guardd/repair/left_alone.h"
#include "guardd/repair_process/repair_helper.h"
#include "guardd/repair_process/repair_process.h"
#include "guardd/service/handover.h"
#include "guardd/service/memory.h"
#include "guardd/service/notify.h"
#include "guardd/service/privileges.h"
#include "guardd/sources/choose.h"
#include "guardd/sources/wakeup_batching.h"
#include "guardd/who/inquiry_helper.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using namespace std::chrono_literals;

// Exit statuses. The second tells the service manager that a restart cannot help.
constexpr int kFailed = 1;
constexpr int kNotConfigured = 6;  // as in the LSB

// The boot waits for guardd to be ready, which with everything before takes less than a second. The
// marks are in place long before; only the first scan may still run.
constexpr auto kLongestStart = 600ms;
// The first open must be denied already, even on a slow machine. Only a machine that cannot start
// processes takes this long.
constexpr auto kLongestResponderStart = 5s;
// By then, what a start leads to is over.
constexpr auto kLongestAftermath = 10s;

class Daemon {
 public:
  explicit Daemon(const DaemonOptions& options) : options_(options) {}

  int run() {
    if (const auto started = start(); !started) {
      std::cerr << "guardd: " << printable(started.error().text()) << '\n';
      return has_rules_ ? kFailed : kNotConfigured;
    }
    loop_.run();
    finish();
    return 0;
  }

 private:
  Status start() {
    ::umask(077);  // only root can read what guardd writes
    forbid_core_dumps();
    raise_descriptor_limit();
    EventLoop::block({SIGTERM, SIGINT, SIGHUP});
    (void)std::signal(SIGPIPE, SIG_IGN);
    GUARD_CHECK(loop_.open());
    helpers_.start();
    repairs_.start();
    databases_.open_state();
    auto rules = valid_rules_.at_start(databases_.state());
    if (!rules) return Error("the settings or the policies are not valid");
    has_rules_ = true;
    config_ = rules->config;
    handover_.emplace(Handover::of_this_machine(config_.lsm.pin));
    if (const auto taken = handover_->take(); !taken)
      shortcomings_.set("handover at start", taken.error().text());
    // Reads the kernel's types for as long as the LSM does: most of the start.
    auto tracer = std::async(std::launch::async, [use = config_.tracer != TracerChoice::kOff] {
      return use ? std::optional(Tracer::load()) : std::nullopt;
    });
    databases_.open_trail(config_);
    GUARD_TRY(source_, choose_source(options_.backend.value_or(config_.backend),
                                     config_.limits.queues, [&]() -> Processes& {
                                       processes_ = std::make_unique<Processes>(
                                           helpers_, ProcessesOptions(), tracer.get());
                                       return *processes_;
                                     }));
    (void)::malloc_trim(0);  // trying the LSM takes a lot of memory
    GUARD_CHECK(start_dispatcher());
    make_parts();
    GUARD_CHECK(policies_->watch_mounts());
    GUARD_CHECK(listen());
    use_rules(*std::move(rules));
    bus_endpoint_.emplace(
        loop_.get(), options_.bus,
        BusRequests::Context{
            dispatcher_, source_, *trees_, *policies_, reloader_, quick_jobs_, long_jobs_,
            *left_alone_, repairs_, request_processes_, *processes_, helpers_,
            [this] { return databases_.trail_path(); }, [this] { return helper_losses(); },
            [this] { return alerts_->states(); },
            [this](const std::string& policy) { return beyond_limit(policy); },
            [this](std::function<void()> done) { visits_->when_watched(std::move(done)); }},
        shortcomings_);
    bus_endpoint_->write_metrics_to(config_.metrics.textfile);
    bus_endpoint_->open(dispatcher_);
    schedule();
    started_ = std::chrono::steady_clock::now();
    return {};
  }

  Status start_dispatcher() {
    if (auto* trail = databases_.trail()) {
      dispatcher_.continue_after({trail->last_names().incident, trail->last_names().violation});
      dispatcher_.add(*trail);
    }
    GUARD_CHECK(dispatcher_.start_terminals());
    GUARD_CHECK(dispatcher_.start(options_.log, config_));
    dispatcher_.count_losses([this] { return alerts_->lost() + databases_.records_lost(); });
    dispatcher_.set_backend(source_.backend);
    dispatcher_.add(manager_);
    make_alerts();
    dispatcher_.count_answers(source_.responder->counters());
    manager_.count_answers(source_.responder->counters());
    return {};
  }

  void make_alerts() {
    alert_units_.emplace(loop_.get(), options_.bus);
    alerts_.emplace(Alerts::Ports{
        [this](const std::string& id) { return dispatcher_.open_incident(id); },
        [this] { return dispatcher_.health(); }, [this] { return dispatcher_.health_reasons(); },
        [this](const AlertSettings& alert) { return alert_units_->can_start(alert); },
        [this](const AlertSettings& alert, const AlertFacts& facts) {
          alert_units_->start(alert, facts);
          bus_endpoint_->changed();
        },
        host_name()});
    dispatcher_.add(*alerts_);
  }

  void make_parts() {
    auto* state = databases_.state();
    left_alone_ = std::make_unique<LeftAlone>(
        state ? state->remembered().undone : std::vector<FileVersion>(), [this](FileVersion file) {
          repairs_.leave_alone(file);
          keep_undone(std::move(file));
        });
    Pauses pauses(state, Clocks::read());  // before the enforcer empties what is remembered
    is_handing_over_ = handover_->holds();
    repairs_.hold_scans(is_handing_over_);
    enforcer_ = std::make_unique<Enforcer>(
        *processes_, *source_.source, repairs_, state,
        Enforcer::Callbacks{
            [this](Violation violation) { dispatcher_.violation(std::move(violation)); },
            [this](Violation first, FixedFiles files) {
              dispatcher_.fixed_files(std::move(first), std::move(files));
            },
            [this](std::uint32_t tree, const std::string& why) {
              dispatcher_.lost(1);
              const auto& set = *policies_->set();
              scan_reason_ = why + ", in the trees of the policy " +
                             quote(set.policy_of(set.trees()[tree]).name());
              trees_->scan_again(tree);
            },
            [this](const ActingProcess& who, Uid owner) {
              if (who.known()) dispatcher_.expect(who.snapshot(), owner);
            }});
    trees_ =
        std::make_unique<WatchedTrees>(*source_.source, source_.marks.get(), *enforcer_, repairs_);
    visits_ = std::make_unique<VisitProgress>(*trees_, [this] { report_changes(); });
    policies_ = std::make_unique<PoliciesInForce>(
        PoliciesInForce::Context{loop_.get(), source_, *trees_, *enforcer_, shortcomings_,
                                 [this] { report_changes(); }},
        std::move(pauses));
    begin_repairs();
  }

  void keep_undone(FileVersion file) {
    if (auto* state = databases_.state()) state->keep_undone(std::move(file));
  }

  void begin_repairs() {
    repairs_.begin(
        {source_.source->witness(), *left_alone_, config_.scan.threads,
         RepairProcess::Callbacks{
             [this](const RepairReport& report) {
               enforcer_->handle_repair(report, std::chrono::steady_clock::now());
             },
             [this](const ScanFinding& finding) { enforcer_->handle_finding(finding); },
             [this](FileVersion file) { keep_undone(std::move(file)); },
             [this](int pidfd) { shortcomings_.note("trust", source_.source->trust(pidfd)); },
             [this] {
               shortcomings_.set("repairs", repairs_.trouble());
               report_changes();
             }}});
  }

  // ---- events

  Status listen() {
    GUARD_CHECK(listen_for_notices(source_.source->fd()));
    if (source_.marks) GUARD_CHECK(listen_for_notices(source_.marks->fd()));
    if (processes_->fd() >= 0) {
      GUARD_CHECK(loop_.on_readable(processes_->fd(),
                                    [this] { dispatcher_.lost(processes_->dispatch()); }));
    }
    GUARD_CHECK(loop_.on_readable(helpers_.fd(), [this] { read_answers(); }));
    GUARD_CHECK(loop_.on_readable(repairs_.fd(),
                                  [this] { repairs_.work(std::chrono::steady_clock::now()); }));
    GUARD_CHECK(loop_.on_readable(source_.responder->fd(), [this] {
      for (auto& open : source_.responder->take())
        dispatcher_.violation(make_violation(std::move(open), *policies_->set()));
      report_hung_helpers();
    }));
    GUARD_CHECK(databases_.listen(loop_));
    GUARD_CHECK(loop_.on_readable(quick_jobs_.fd(), [this] { quick_jobs_.finish(); }));
    GUARD_CHECK(loop_.on_readable(long_jobs_.fd(), [this] { long_jobs_.finish(); }));
    GUARD_CHECK(loop_.on_readable(reload_jobs_.fd(), [this] { reload_jobs_.finish(); }));
    GUARD_CHECK(
        loop_.on_signal(SIGHUP, [this] { reloader_.ask([](const ReloadNews& /*news*/) {}); }));
    GUARD_CHECK(loop_.on_signal(SIGTERM, [this] { end("SIGTERM"); }));
    return loop_.on_signal(SIGINT, [this] { end("SIGINT"); });
  }

  void read_answers() {
    helpers_.work(std::chrono::steady_clock::now());
    enforcer_->handle_answers();
    dispatcher_.add_actor_facts();
    report_hung_helpers();
  }

  void report_hung_helpers() {
    const auto hung = helper_losses().hung;
    shortcomings_.set(
        "helpers", hung == 0 ? ""
                             : "helper processes that hang in the kernel: " + std::to_string(hung) +
                                   "; guardd may know less of who did what");
  }

  HelperLosses helper_losses() {
    return helpers_.losses() + source_.responder->helper_losses() + repairs_.losses() +
           request_processes_.losses();
  }

  bus::Counts beyond_limit(const std::string& policy) {
    auto limits = databases_.beyond_limits();
    limits.emplace("directories", source_.source->unwatched());
    limits.emplace("pending", enforcer_->merged());
    return counts_of(policy, limits);
  }

  void end(const std::string& reason) {
    stop_reason_ = reason;
    loop_.end();
  }

  // ---- the parts of a turn, in their order

  void schedule() {
    loop_.every_turn(
        [this] { return has_more_notices_ ? std::optional(SteadyTime()) : batching_.until(); },
        [this](SteadyTime now) { read_notices(now); });
    loop_.every_turn([this] { return helpers_.next(); },
                     [this](SteadyTime now) {
                       if (const auto due = helpers_.next(); due && *due <= now) read_answers();
                     });
    loop_.every_turn(*policies_);
    loop_.every_turn([this] { return source_.source->next(); },
                     [this](SteadyTime now) {
                       if (const auto due = source_.source->next(); due && *due <= now)
                         source_.source->work(*enforcer_);
                       trees_->scan_visited();
                       if (source_.source->take_trouble_news()) report_changes();
                     });
    if (source_.marks) loop_.every_turn(*source_.marks);
    while_enforcing([this] { return next_scan_; },
                    [this](SteadyTime now) {
                      if (!next_scan_ || now < *next_scan_) return;
                      trees_->scan_all();
                      next_scan_ = now + config_.scan.every;
                    });
    while_enforcing([this] { return trees_->next(); },
                    [this](SteadyTime now) {
                      if (trees_->catch_up(now)) dispatcher_.report_lost_events(scan_reason_);
                    });
    while_enforcing(
        [this] {
          const auto soon = std::chrono::steady_clock::now() + 5ms;
          return is_handing_over_ ? std::optional(soon) : next_repairs_;
        },
        [this](SteadyTime now) {
          if (is_handing_over_ && handover_->is_under_way(now)) return;
          if (std::exchange(is_handing_over_, false)) repairs_.hold_scans(false);
          next_repairs_ = enforcer_->work(now);
        });
    // After those who have orders for it.
    loop_.every_turn([this] { return repairs_.next(); },
                     [this](SteadyTime now) {
                       if (const auto due = repairs_.next(); due && *due <= now) repairs_.work(now);
                     });
    loop_.every_turn([this] { return dispatcher_.next_due(); },
                     [this](SteadyTime now) { dispatcher_.close_due(now); });
    loop_.every_turn(*bus_endpoint_);
    loop_.every_turn([this] { return next_health_report(); },
                     [this](SteadyTime now) {
                       if (const auto due = next_health_report(); due && *due <= now)
                         report_health();
                     });
    // After the health report, because an alert can be about health.
    loop_.every_turn(*alerts_);
    loop_.every_turn([this] { return alert_units_->next(); },
                     [this](SteadyTime now) {
                       alert_units_->work(now);
                       shortcomings_.set("alerts", alert_units_->trouble());
                     });
    loop_.every_turn(
        [this] { return valid_rules_.next(); },
        [this](SteadyTime now) { valid_rules_.work(now, policies_->loaded()->generation() + 1); });
    loop_.every_turn(*visits_);
    if (auto* trail = databases_.trail()) {
      loop_.every_turn([trail] { return trail->budget().next(); },
                       [this, trail](SteadyTime now) {
                         if (trail->budget().work(now)) report_changes();
                       });
    }
    loop_.every_turn(manager_);
    loop_.every_turn([this] { return release_memory_at_; },
                     [this](SteadyTime now) {
                       if (!release_memory_at_ || now < *release_memory_at_) return;
                       release_memory_at_.reset();
                       release_memory_of_start();
                     });
    loop_.every_turn(
        [this] {
          // The helpers of the responder get ready without waking the loop.
          const auto soon = std::chrono::steady_clock::now() + 5ms;
          return dispatcher_.is_ready() ? std::nullopt : std::optional(soon);
        },
        [this](SteadyTime now) {
          if (!dispatcher_.is_ready() && is_ready(now)) report_ready();
        });
  }

  bool is_ready(SteadyTime now) const {
    const auto taken = now - started_;
    const bool answers = source_.responder->is_ready() || taken >= kLongestResponderStart;
    const bool has_looked =
        (!repairs_.has_scans() && trees_->visits().empty() && !processes_->is_listing()) ||
        taken >= kLongestStart || dispatcher_.has_too_many_early();
    return answers && has_looked;
  }

  // Like every_turn(), but pauses while guardd is disabled.
  void while_enforcing(EventLoop::Next next, EventLoop::Work work) {
    loop_.every_turn(
        [this, next = std::move(next)] { return policies_->disabled() ? std::nullopt : next(); },
        [this, work = std::move(work)](SteadyTime now) {
          if (!policies_->disabled()) work(now);
        });
  }

  Status listen_for_notices(int fd) {
    sd_event_source* notices = nullptr;
    GUARD_CHECK(loop_.on_readable(
        fd,
        [this] {
          if (source_.marks) source_.marks->dispatch();
          has_more_notices_ = source_.source->dispatch(*enforcer_);
          batching_.woken(std::chrono::steady_clock::now(), processes_->fd() >= 0);
          if (enforcer_->take_activity()) repairs_.note_activity(std::chrono::steady_clock::now());
        },
        &notices));
    batching_.add(notices);
    return {};
  }

  void read_notices(SteadyTime now) {
    // Notices that were batched may be about a change that is due.
    if (batching_.is_on() && next_repairs_ && *next_repairs_ <= now) has_more_notices_ = true;
    batching_.end_if_due(now);
    if (has_more_notices_) has_more_notices_ = source_.source->dispatch(*enforcer_);
  }

  // ---- settings and policies

  void use_rules(Rules rules) {
    config_ = rules.config;
    valid_rules_.use(rules);
    dispatcher_.set_limits(config_);
    source_.source->set_limits(config_.limits);
    enforcer_->set_limits(config_.limits);
    manager_.set_longest_answer(config_.answer.deadline);
    databases_.use(config_);
    alerts_->use(config_.alerts);
    alert_units_->forget_failures();
    if (bus_endpoint_) bus_endpoint_->write_metrics_to(config_.metrics.textfile);
    next_scan_.reset();
    if (config_.scan.every.count() > 0)
      next_scan_ = std::chrono::steady_clock::now() + config_.scan.every;
    repairs_.use_rules(rules.set->generation(), rules.texts.policies, rules.texts.accounts);
    policies_->use(std::move(rules));
    hand_over();
  }

  // Stores what enforces policies in the kernel now, so that it stays if this process ends, and
  // releases what the previous process stored.
  void hand_over() {
    auto [kept, pins] = source_.source->kept();
    if (pins >= 0) kept.emplace_back(Handover::kPins, pins);
    const auto done = handover_->store(kept);
    const bool is_service =
        std::getenv("NOTIFY_SOCKET") != nullptr;  // NOLINT(concurrency-mt-unsafe)
    const bool is_expected = is_service || !config_.lsm.pin.empty();
    shortcomings_.set("handover", !done && is_expected ? done.error().text() : "");
  }

  Reloader::Read prepare_reload() {
    manager_.notify_reloading();
    return [this, generation = policies_->loaded()->generation() + 1] {
      auto read = valid_rules_.read(generation);
      read.print();
      return read;
    };
  }

  void end_reload(RulesRead read, Reloader::Completion done) {
    ReloadNews news;
    news.done = read.rules.has_value();
    shortcomings_.set("reload", news.done ? ""
                                          : "the last reload failed, because the settings or the "
                                            "policies are not valid: the previous policies stay "
                                            "in force");
    if (read.rules) use_rules(*std::move(read.rules));
    const auto& loaded = *policies_->loaded();
    news.generation = loaded.generation();
    news.policy_identity = loaded.identity();
    news.policies = loaded.policies().size();
    news.errors = std::move(read.errors);
    visits_->when_watched([this, news = std::move(news), done = std::move(done)] {
      dispatcher_.reload(news);
      report_health();
      manager_.notify_reloaded();
      done(news);
    });
  }

  // ---- reports

  void report_ready() {
    dispatcher_.ready(ready_news(*policies_, source_, *trees_));
    report_health();
    manager_.notify_ready();
    release_memory_at_ = std::chrono::steady_clock::now() + kLongestAftermath;
  }

  std::optional<SteadyTime> next_health_report() const {
    const bool is_due = dispatcher_.is_ready() && shortcomings_.have_changed();
    return is_due ? std::optional(SteadyTime()) : std::nullopt;
  }

  void report_changes() {
    if (dispatcher_.is_ready()) report_health();
  }

  void report_health() {
    auto all = shortcomings_.all();
    for (const auto& more : {shortcomings_of(source_, *processes_, *trees_, *policies_),
                             databases_.shortcomings(std::chrono::steady_clock::now())})
      all.insert(all.end(), more.begin(), more.end());
    if (policies_->disabled()) all.clear();
    manager_.set_status(status_facts(*policies_, source_.backend, *trees_, all));
    dispatcher_.health(policies_->disabled(), std::move(all), policies_->pauses().sentences());
    bus_endpoint_->changed();
  }

  void finish() {
    manager_.notify_stopping();
    source_.responder->stop();
    if (auto* witness = source_.source->witness()) witness->stop();
    handover_->release();
    enforcer_->finish();
    dispatcher_.stop(stop_reason_);
    alert_units_->finish(200ms);
    // Close the state now: what a user has asked for, on a frozen file system, keeps the process
    // until that thaws, because the kernel lets no signal end such a wait.
    left_alone_->stop_saving();
    databases_.close_state();
  }

  const DaemonOptions& options_;
  EventLoop loop_;
  Config config_;
  bool has_rules_ = false;
  Shortcomings shortcomings_;
  std::string stop_reason_;

  // A user database that is slow and a process that cannot be read leave one for the others.
  HelperPool helpers_{start_inquiry_helper, {1, 3}};
  Databases databases_{options_.state_directory, shortcomings_};
  Dispatcher dispatcher_{helpers_};
  ServiceManager manager_;
  std::unique_ptr<Processes> processes_;
  std::optional<Handover> handover_;
  ChosenSource source_;
  RepairProcess repairs_{start_repair_helper};
  std::unique_ptr<LeftAlone> left_alone_;
  std::unique_ptr<Enforcer> enforcer_;
  std::unique_ptr<WatchedTrees> trees_;
  std::unique_ptr<VisitProgress> visits_;
  std::unique_ptr<PoliciesInForce> policies_;
  WakeupBatching batching_;

  RequestProcesses request_processes_{[this](int pidfd) { return source_.source->trust(pidfd); }};
  BackgroundJobs quick_jobs_{2};
  BackgroundJobs long_jobs_{4};
  BackgroundJobs reload_jobs_{1};  // behind nothing else
  Reloader reloader_{reload_jobs_, [this] { return prepare_reload(); },
                     [this](RulesRead read, Reloader::Completion done) {
                       end_reload(std::move(read), std::move(done));
                     }};
  ValidRules valid_rules_{
      options_.config_file, options_.policy_directories, reload_jobs_, shortcomings_,
      [this](RulesRead read) { end_reload(std::move(read), [](auto&&...) {}); }};
  std::optional<BusEndpoint> bus_endpoint_;
  std::optional<AlertUnits> alert_units_;
  std::optional<Alerts> alerts_;

  std::string scan_reason_;  // why a tree is scanned again
  bool has_more_notices_ = false;
  bool is_handing_over_ = false;  // the previous process's programs would deny repairs
  std::optional<SteadyTime> next_repairs_;
  std::optional<SteadyTime> next_scan_;  // if guardd.toml asks for regular scans
  SteadyTime started_;
  std::optional<SteadyTime> release_memory_at_;
};

}  // namespace

int run_daemon(const DaemonOptions& options) {
  // Before the second thread starts: capabilities are per thread.
  if (const auto kept = keep_only_needed_capabilities(); !kept) {
    std::cerr << "guardd: " << printable(kept.error().text()) << '\n';
    return kFailed;
  }
  return Daemon(options).run();
}

}  // namespace guard
