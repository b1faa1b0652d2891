#include "guardd/daemon.h"

#include <malloc.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <systemd/sd-event.h>

#include "guardd/audit/trail.h"
#include "guardd/base/background_jobs.h"
#include "guardd/base/rules.h"
#include "guardd/control/bus_endpoint.h"
#include "guardd/control/pauses.h"
#include "guardd/control/reloader.h"
#include "guardd/control/shortcomings.h"
#include "guardd/enforce/enforcer.h"
#include "guardd/enforce/violation.h"
#include "guardd/enforce/watched_trees.h"
#include "guardd/host/users.h"
#include "guardd/publish/dispatcher.h"
#include "guardd/repair/left_alone.h"
#include "guardd/repair/repair_worker.h"
#include "guardd/repair/scan_worker.h"
#include "guardd/service/break_glass.h"
#include "guardd/service/handover.h"
#include "guardd/service/notify.h"
#include "guardd/service/privileges.h"
#include "guardd/sources/choose.h"
#include "guardd/sources/mounts.h"
#include "guardd/sources/path_watch.h"
#include "guardd/sources/wakeup_batching.h"
#include "guardd/state/store.h"
#include "guardd/version.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using namespace std::chrono_literals;

// What the process ends with; of the second a service manager knows that another try is in vain.
constexpr int kFailed = 1;
constexpr int kNotConfigured = 6;  // as the LSB has it

// How long it may take until we are ready. The marks are in place long before; but until the trees
// were looked through for the first time, less is known of what is touched in them. A boot waits
// for us: with what comes before, it is less than a second.
constexpr auto kLongestStart = 600ms;

std::set<std::string> owners(const PolicySet& set) {
  std::set<std::string> names;
  for (const auto& policy : set.policies()) {
    names.insert(policy.wanted.owner.name);
    for (const auto& rule : policy.rules) names.insert(rule.wanted.owner.name);
  }
  return names;
}

class Daemon {
 public:
  explicit Daemon(const DaemonOptions& options) : options_(options) {}

  int run() {
    if (const auto started = start(); !started) {
      std::cerr << "guardd: " << printable(started.error().text()) << '\n';
      return set_is_valid_ ? kFailed : kNotConfigured;
    }
    do {
      turn();
    } while (sd_event_run(loop_.get(), patience()) >= 0 &&
             sd_event_get_state(loop_.get()) != SD_EVENT_FINISHED);
    finish();
    return 0;
  }

 private:
  using Loop = Handle<sd_event, sd_event_unref>;

  Status start() {
    ::umask(077);  // what guardd writes is nobody else's
    raise_descriptor_limit();
    block_signals();
    sd_event* loop = nullptr;
    if (const int code = sd_event_new(&loop); code < 0)
      return Error::from_errno(-code, "event loop");
    loop_.reset(loop);
    auto read = read_rules(options_.config_file, options_.policy_directories, 1);
    if (!read.rules) return Error("the settings or the policies are not valid");
    set_is_valid_ = true;
    config_ = read.rules->config;
    handover_.emplace(Handover::of_this_machine(config_.lsm.pin));
    if (const auto taken = handover_->take(); !taken) troubles_.push_back(taken.error().text());
    open_store();
    open_trail();
    processes_ = std::make_unique<Processes>(
        ProcessesOptions{config_.tracer != TracerChoice::kOff, {}, "/proc"});
    GUARD_TRY(source_, choose_source(options_.backend.value_or(config_.backend), *processes_));
    (void)::malloc_trim(0);  // of what trying the LSM took, which is a lot
    if (trail_) {
      dispatcher_.continue_after({trail_->last_names().incident, trail_->last_names().violation});
      dispatcher_.tell_also(*trail_);
    }
    GUARD_CHECK(dispatcher_.tell_offenders());
    GUARD_CHECK(dispatcher_.start(options_.log, config_));
    dispatcher_.count_losses([this] { return records_lost(); });
    dispatcher_.set_backend(source_.backend);
    dispatcher_.tell_also(manager_);
    if (source_.answers) {
      dispatcher_.count_answers(&source_.answers->counters());
      manager_.count_answers(&source_.answers->counters());
    }
    pauses_.emplace(store_.get(), Clocks::read());
    remember_undone();
    scans_ = std::make_unique<ScanWorker>(config_.scan.threads, *left_alone_);
    repairs_ = std::make_unique<RepairWorker>(*left_alone_);
    enforcer_ = std::make_unique<Enforcer>(
        *processes_, *source_.source, *repairs_, store_.get(),
        Enforcer::Ports{
            [this](Violation violation) { dispatcher_.violation(std::move(violation)); },
            [this](std::uint32_t tree, const std::string& why) {
              dispatcher_.lost(1);
              why_again_ = why;
              trees_->look_through(tree);
            }});
    trees_ = std::make_unique<WatchedTrees>(*source_.source, *enforcer_, *scans_);
    path_watch_ = std::make_unique<PathWatch>(loop_.get(), [this] { look_around(); });
    GUARD_CHECK(path_watch_->watch_mounts());
    GUARD_CHECK(listen());
    take_over(*std::move(read.rules));
    go_on_the_bus();
    ready_at_latest_ = std::chrono::steady_clock::now() + kLongestStart;
    return {};
  }

  // Before the first thread: all of them inherit it, and the loop takes the signals.
  static void block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
    (void)::sigprocmask(SIG_BLOCK, &signals, nullptr);
    (void)std::signal(SIGPIPE, SIG_IGN);
  }

  // Without it guardd guards as well; only a crash costs more.
  void open_store() {
    auto store = Store::open(options_.state_directory);
    if (store)
      store_ = *std::move(store);
    else
      troubles_.push_back("what is pending does not outlive a crash of guardd: " +
                          store.error().text());
  }

  void remember_undone() {
    if (store_)
      left_alone_ = std::make_unique<LeftAlone>(
          store_->remembered().undone,
          [store = store_.get()](UndoneFile file) { store->keep_undone(std::move(file)); });
    else
      left_alone_ = std::make_unique<LeftAlone>();
  }

  Trail::Limits limits_of_trail() const {
    return {config_.audit.retention, config_.audit.max_size};
  }

  std::string path_of_trail() const {
    return trail_path(config_.audit.path, options_.state_directory);
  }

  void open_trail() {
    auto trail = Trail::open(path_of_trail(), limits_of_trail());
    if (trail)
      trail_ = *std::move(trail);
    else
      troubles_.push_back("there is no audit trail: " + trail.error().text());
  }

  // What this process has judges by now: it goes on if this process does not, and what was handed
  // over before goes.
  void hand_over() {
    std::vector<std::pair<std::string, int>> kept;
    if (source_.kernel) {
      kept = source_.kernel->lsm().links();
      kept.emplace_back(Handover::kPins, source_.kernel->pins().fd());
    }
    const auto done = handover_->keep(kept);
    // Whoever runs it by hand has not asked for more.
    const bool is_service =
        std::getenv("NOTIFY_SOCKET") != nullptr;  // NOLINT(concurrency-mt-unsafe)
    const bool matters = is_service || !config_.lsm.pin.empty();
    handover_trouble_ = !done && matters ? done.error().text() : "";
  }

  Status listen() {
    sd_event_source* notices = nullptr;
    GUARD_CHECK(add_io(
        source_.source->fd(),
        [](Daemon& daemon) {
          daemon.more_notices_ = daemon.source_.source->dispatch(*daemon.enforcer_);
          daemon.batching_.woken(std::chrono::steady_clock::now(), daemon.processes_->fd() >= 0);
          daemon.scans_->stir();
        },
        &notices));
    batching_.take(notices);
    if (processes_->fd() >= 0) {
      GUARD_CHECK(add_io(processes_->fd(), [](Daemon& daemon) {
        daemon.dispatcher_.lost(daemon.processes_->dispatch());
      }));
    }
    GUARD_CHECK(add_io(dispatcher_.fd(), [](Daemon& daemon) { daemon.dispatcher_.answered(); }));
    GUARD_CHECK(add_io(scans_->fd(), [](Daemon& daemon) {
      for (const auto& wrong : daemon.scans_->take()) daemon.enforcer_->found(wrong);
    }));
    GUARD_CHECK(add_io(repairs_->fd(), [](Daemon& daemon) {
      const auto now = std::chrono::steady_clock::now();
      for (const auto& done : daemon.repairs_->take()) daemon.enforcer_->repaired(done, now);
    }));
    if (source_.answers) {
      GUARD_CHECK(add_io(source_.answers->fd(), [](Daemon& daemon) { daemon.hear_of_answers(); }));
    }
    if (store_) GUARD_CHECK(add_io(store_->fd(), [](Daemon& daemon) { daemon.hear_of_store(); }));
    GUARD_CHECK(add_io(quick_jobs_.fd(), [](Daemon& daemon) { daemon.quick_jobs_.finish(); }));
    GUARD_CHECK(add_io(long_jobs_.fd(), [](Daemon& daemon) { daemon.long_jobs_.finish(); }));
    if (trail_) GUARD_CHECK(add_io(trail_->fd(), [](Daemon& daemon) { daemon.hear_of_trail(); }));
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
      const int code = sd_event_add_signal(loop_.get(), nullptr, signal, on_signal, this);
      if (code < 0) return Error::from_errno(-code, "signal");
    }
    return {};
  }

  using Handler = void (*)(Daemon&);
  struct Io {
    Daemon* daemon;
    Handler handler;
  };

  Status add_io(int fd, Handler handler, sd_event_source** source = nullptr) {
    ios_.push_back(std::make_unique<Io>(Io{this, handler}));
    const int code = sd_event_add_io(loop_.get(), source, fd, EPOLLIN, on_io, ios_.back().get());
    return code < 0 ? Status(Error::from_errno(-code, "event loop")) : Status();
  }

  static int on_io(sd_event_source* /*source*/, int /*fd*/, std::uint32_t /*events*/,
                   void* io) noexcept {
    const auto& [daemon, handler] = *static_cast<Io*>(io);
    handler(*daemon);
    return 0;
  }

  static int on_signal(sd_event_source* /*source*/, const signalfd_siginfo* signal,
                       void* self) noexcept {
    auto& daemon = *static_cast<Daemon*>(self);
    if (signal->ssi_signo == SIGHUP) {
      daemon.reloader_.ask([](const ReloadNews& /*news*/) {});
    } else {
      daemon.stop_reason_ = signal->ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT";
      sd_event_exit(daemon.loop_.get(), 0);
    }
    return 0;
  }

  // ---- what is enforced

  // Watches what lies above the trees, the break-glass and the accounts, before it looks: what
  // changes in between is told.
  void watch_surroundings() {
    std::vector<std::string> paths{kDisableFile, kAccountsFile};
    for (const auto& tree : set_->trees()) paths.push_back(tree.root());
    if (source_.kernel) {
      const auto programs = source_.kernel->policy().program_paths();
      for (const auto& directory : programs) paths.push_back(directory + "/any");
    }
    path_watch_->watch_above(paths);
  }

  void take_over(Rules rules) {
    config_ = rules.config;
    said_ = std::move(rules.set);
    limits_ = std::move(rules.limits);
    pauses_->keep_those_of(*said_);
    (void)pauses_->take_ended(Clocks::read());
    set_ = pauses_->applied_to(said_);
    accounts_ = local_users(owners(*set_));
    dispatcher_.set_limits(config_);
    manager_.set_longest_answer(config_.answer.deadline);
    if (trail_) trail_->set_limits(limits_of_trail());
    if (bus_endpoint_) bus_endpoint_->write_metrics_to(config_.metrics.textfile);
    next_scan_.reset();
    if (config_.scan.every.count() > 0)
      next_scan_ = std::chrono::steady_clock::now() + config_.scan.every;
    enforce();
    hand_over();
  }

  void enforce() {
    watch_surroundings();
    disabled_ = why_disabled();
    if (disabled_) {
      trees_->let_go();
      if (source_.answers) source_.answers->stop();
    } else {
      if (source_.answers) source_.answers->prepare(set_, config_.answer);
      trees_->enforce(set_);
    }
  }

  // ---- pauses, for whoever may ask for them

  Status pause(const std::string& policy, std::chrono::microseconds length,
               const std::string& reason, const Person& who) {
    GUARD_CHECK(pauses_->start(*said_, policy, length, reason, who, Clocks::read()));
    enforce_pauses();
    return {};
  }

  Status resume(const std::string& policy) {
    GUARD_CHECK(pauses_->end(policy));
    enforce_pauses();
    return {};
  }

  // As a reload does: what waits goes on waiting, and everything is looked through.
  void enforce_pauses() {
    set_ = pauses_->applied_to(said_);
    enforce();
    if (dispatcher_.is_ready()) tell_health();
  }

  void look_around() {
    watch_surroundings();
    auto news = mounts_.news();
    if (source_.kernel) {
      if (!news.pid) news.pid = source_.kernel->mounter();
      const auto done = source_.kernel->policy().refresh_programs();
      program_trouble_ = done ? "" : done.error().text();
    }
    const auto disabled = why_disabled();
    if (disabled.has_value() != disabled_.has_value()) {
      enforce();
    } else if (!disabled) {
      const auto watched = trees_->watched();
      trees_->find();
      enforcer_->mounted(news, watched);
    }
    if (dispatcher_.is_ready()) tell_health();
  }

  // ---- the bus

  void go_on_the_bus() {
    bus_endpoint_.emplace(
        loop_.get(), options_.bus,
        BusRequests::Context{
            dispatcher_, source_, *trees_, *pauses_, reloader_, quick_jobs_, long_jobs_,
            *left_alone_, *scans_, *processes_,
            [this] {
              return PoliciesInForce{said_, set_, limits_, disabled_};
            },
            [this] { return trail_ ? path_of_trail() : std::string(); },
            [this](const auto& policy, auto length, const auto& reason, const Person& who) {
              return pause(policy, length, reason, who);
            },
            [this](const auto& policy) { return resume(policy); }});
    bus_endpoint_->write_metrics_to(config_.metrics.textfile);
    bus_endpoint_->open(dispatcher_);
  }

  // ---- reloading

  Reloader::Read prepare_reload() {
    manager_.reloads();
    return [config = options_.config_file, directories = options_.policy_directories,
            generation = said_->generation() + 1] {
      return read_rules(config, directories, generation);
    };
  }

  ReloadNews end_reload(RulesRead read) {
    ReloadNews news;
    news.done = read.rules.has_value();
    denied_reload_ = !read.rules;
    if (read.rules) take_over(*std::move(read.rules));
    news.generation = said_->generation();
    news.policy_identity = said_->identity();
    news.policies = said_->policies().size();
    news.errors = std::move(read.errors);
    dispatcher_.reload(news);
    tell_health();
    manager_.has_reloaded();
    return news;
  }

  // ---- one turn of the loop

  std::uint64_t patience() const {
    if (more_notices_) return 0;
    std::optional<SteadyTime> next;
    const auto consider = [&next](const std::optional<SteadyTime>& due) {
      if (due && (!next || *due < *next)) next = due;
    };
    consider(dispatcher_.next_due());
    consider(manager_.next());
    consider(batching_.until());
    if (const auto wait = pauses_->next_due(Clocks::read()))
      consider(std::chrono::steady_clock::now() + *wait);
    if (!dispatcher_.is_ready()) consider(ready_at_latest_);
    if (bus_endpoint_) consider(bus_endpoint_->next());
    // What is switched off has nothing to do, however long that has been due.
    if (!disabled_) {
      consider(work_at_);
      consider(trees_->next());
      consider(source_.source->next());
      consider(next_scan_);
    }
    if (!next) return UINT64_MAX;
    const auto wait = std::chrono::duration_cast<std::chrono::microseconds>(
        *next - std::chrono::steady_clock::now());
    return wait.count() <= 0 ? 0 : static_cast<std::uint64_t>(wait.count()) + 1;
  }

  void turn() {
    const auto begun = std::chrono::steady_clock::now();
    // What has gathered may be about what is due.
    if (batching_.is_on() && work_at_ && *work_at_ <= begun) more_notices_ = true;
    batching_.end_if_due(begun);
    if (more_notices_) more_notices_ = source_.source->dispatch(*enforcer_);
    if (!pauses_->take_ended(Clocks::read()).empty()) enforce_pauses();
    const auto now = std::chrono::steady_clock::now();
    if (const auto due = source_.source->next(); due && *due <= now)
      source_.source->work(*enforcer_);
    if (!disabled_) {
      if (next_scan_ && now >= *next_scan_) {
        trees_->scan_all();
        next_scan_ = now + config_.scan.every;
      }
      if (trees_->catch_up(now)) dispatcher_.cured(why_again_);
      work_at_ = enforcer_->work(now);
    }
    dispatcher_.close_due(now);
    if (bus_endpoint_ && bus_endpoint_->attend(now) && dispatcher_.is_ready()) tell_health();
    manager_.work(now);
    const bool ready =
        scans_->idle() || now >= ready_at_latest_ || dispatcher_.has_too_many_early();
    if (!dispatcher_.is_ready() && ready) tell_ready();
  }

  void hear_of_answers() {
    for (auto& [set, at, violation] : source_.answers->take()) {
      const auto as_seen = at.path;
      violation.path = at.is_known ? std::move(at.path) : std::string();
      // The policy may stand somewhere else by now, although it says the same.
      const auto& path = set->trees()[at.tree].path;
      const auto* now = set_->tree_of(path);
      const bool is_here = now && now->path == path;
      complete(violation, is_here ? *set_ : *set,
               is_here ? static_cast<std::uint32_t>(now - set_->trees().data()) : at.tree);
      if (!at.is_known) violation.path = as_seen;
      dispatcher_.violation(std::move(violation));
    }
  }

  void hear_of_store() {
    for (const auto& trouble : store_->take_news()) {
      store_trouble_ = trouble.empty() ? "" : "the state cannot be kept: " + trouble;
      tell_health();
    }
  }

  void hear_of_trail() {
    for (const auto& trouble : trail_->take_news()) {
      trail_trouble_ = trouble.empty() ? "" : "the audit trail cannot be written: " + trouble;
      tell_health();
    }
  }

  void tell_ready() {
    ReadyNews news;
    news.version = GUARD_VERSION;
    news.backend = source_.backend;
    news.generation = set_->generation();
    news.policy_identity = set_->identity();
    news.policies = set_->policies().size();
    news.trees = set_->trees().size();
    news.pending = disabled_ ? 0 : trees_->pending();
    news.directories = source_.source->directories().size();
    dispatcher_.ready(news);
    tell_health();
    manager_.is_ready();
  }

  // What is less than somebody might expect, each in a sentence.
  std::vector<std::string> shortcomings() const {
    auto all = troubles_;
    for (const auto* trouble :
         {&store_trouble_, &trail_trouble_, &handover_trouble_, &program_trouble_})
      if (!trouble->empty()) all.push_back(*trouble);
    if (bus_endpoint_)
      for (const auto& trouble : bus_endpoint_->troubles()) all.push_back(trouble);
    if (denied_reload_)
      all.emplace_back("what was to be loaded is not valid: the policies of before go on");
    const auto more = shortcomings_of(source_, *processes_, *trees_, *set_, accounts_);
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  void tell_health() {
    auto all = disabled_ ? std::vector<std::string>() : shortcomings();
    const auto paused = pauses_->sentences();
    StatusFacts facts{set_->policies().size(),
                      set_->trees().size(),
                      trees_->pending(),
                      source_.backend,
                      {},
                      disabled_,
                      all};
    for (const auto& [policy, sentence] : paused) facts.paused.push_back(policy);
    manager_.stands(std::move(facts));
    dispatcher_.health(disabled_, std::move(all), paused);
    if (bus_endpoint_) bus_endpoint_->changed();
  }

  std::uint64_t records_lost() const {
    std::uint64_t lost = store_ ? store_->dropped() : 0;
    if (trail_) lost += trail_->dropped().queue_full + trail_->dropped().disk;
    return lost;
  }

  void finish() {
    manager_.stops();
    if (source_.answers) source_.answers->stop();
    handover_->release();
    dispatcher_.stop(stop_reason_);
    // Now, for a repair that waits for a frozen file system keeps the process until that thaws: the
    // kernel lets nobody end such a wait.
    left_alone_->keep_no_more();
    store_.reset();
  }

  const DaemonOptions& options_;
  Loop loop_;
  std::vector<std::unique_ptr<Io>> ios_;
  Config config_;
  bool set_is_valid_ = false;              // what was to be loaded at the start
  std::shared_ptr<const PolicySet> said_;  // by the files
  std::shared_ptr<const PolicySet> set_;   // as it is enforced: with the pauses
  std::vector<TreeLimits> limits_;         // by policy
  std::optional<std::string> disabled_;    // why nothing is enforced
  std::vector<std::string> troubles_;      // of the start
  std::string store_trouble_;
  std::string trail_trouble_;
  std::string handover_trouble_;
  std::string program_trouble_;
  bool denied_reload_ = false;
  std::set<std::string> accounts_;  // of the policies: those that this machine's own file names
  std::string stop_reason_;

  std::unique_ptr<Store> store_;
  std::unique_ptr<Trail> trail_;
  Dispatcher dispatcher_;
  ServiceManager manager_;
  std::unique_ptr<Processes> processes_;
  std::optional<Handover> handover_;
  std::optional<Pauses> pauses_;
  ChosenSource source_;
  std::unique_ptr<LeftAlone> left_alone_;
  std::unique_ptr<ScanWorker> scans_;
  std::unique_ptr<RepairWorker> repairs_;
  std::unique_ptr<Enforcer> enforcer_;
  std::unique_ptr<WatchedTrees> trees_;
  std::unique_ptr<PathWatch> path_watch_;
  Mounts mounts_;
  WakeupBatching batching_;

  BackgroundJobs quick_jobs_{2, BackgroundJobs::Descriptors::kShared};
  BackgroundJobs long_jobs_{4, BackgroundJobs::Descriptors::kOwn};
  Reloader reloader_{quick_jobs_, [this] { return prepare_reload(); },
                     [this](RulesRead read) { return end_reload(std::move(read)); }};
  std::optional<BusEndpoint> bus_endpoint_;

  std::string why_again_;
  bool more_notices_ = false;
  std::optional<SteadyTime> work_at_;  // when the enforcer wants its next turn
  SteadyTime ready_at_latest_;
  std::optional<SteadyTime> next_scan_;  // where the settings want a regular one
};

}  // namespace

int run_daemon(const DaemonOptions& options) {
  // Before there is a second thread: each has its own.
  if (const auto kept = keep_only_needed_capabilities(); !kept) {
    std::cerr << "guardd: " << kept.error().text() << '\n';
    return 1;
  }
  return Daemon(options).run();
}

}  // namespace guard
