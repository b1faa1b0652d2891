#include "guardd/daemon.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "guardd/anchors.h"
#include "guardd/caretaker.h"
#include "guardd/host/policies.h"
#include "guardd/incident.h"
#include "guardd/privileges.h"
#include "guardd/publish/console.h"
#include "guardd/publish/json.h"
#include "guardd/publish/queue.h"
#include "guardd/scans.h"
#include "guardd/version.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using namespace std::chrono_literals;

std::string boot_id() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  std::erase(id, '-');
  return id;
}

class Daemon {
 public:
  explicit Daemon(const DaemonOptions& options)
      : options_(options),
        incidents_({options.config.incident.quiet, options.config.journal.sample, 256},
                   RecordIds(RecordIds::Length::kIncident)),
        violation_ids_(RecordIds::Length::kViolation) {}

  int run() {
    if (const auto started = start(); !started) {
      std::cerr << "guardd: " << printable(started.error().text()) << '\n';
      return 1;
    }
    while (sd_event_get_state(loop_.get()) != SD_EVENT_FINISHED) {
      const int code = sd_event_run(loop_.get(), patience());
      if (code < 0) break;
      turn();
    }
    finish();
    return 0;
  }

 private:
  using Loop = Handle<sd_event, sd_event_unref>;

  Status start() {
    raise_descriptor_limit();
    block_signals();
    sd_event* loop = nullptr;
    if (const int code = sd_event_new(&loop); code < 0)
      return Error::from_errno(-code, "event loop");
    loop_.reset(loop);
    GUARD_TRY(auto set, load(1));
    processes_ = std::make_unique<Processes>(
        ProcessesOptions{options_.config.tracer != TracerChoice::kOff, {}, "/proc"});
    GUARD_TRY(auto notices, NoticeSource::create());
    notices_ = std::make_unique<NoticeSource>(std::move(notices));
    GUARD_CHECK(start_publishing());
    scans_ = std::make_unique<Scans>(options_.config.scan.threads);
    caretaker_ = std::make_unique<Caretaker>(
        *processes_, *notices_,
        Caretaker::Ports{
            [this](Violation violation) { report(std::move(violation)); },
            [this](std::uint32_t tree, const std::string& why) { look_through(tree, why); }});
    anchors_ = std::make_unique<Anchors>(loop_.get(), [this] { find_trees(); });
    GUARD_CHECK(anchors_->watch_mounts());
    GUARD_CHECK(keep_only_needed_capabilities());
    GUARD_CHECK(listen());
    enforce(std::move(set));
    tell_ready();
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

  Result<std::shared_ptr<const PolicySet>> load(std::uint64_t generation) {
    GUARD_TRY(const auto loaded, load_policy_directories(options_.policy_directories, generation));
    errors_.clear();
    for (const auto& diagnostic : loaded.diagnostics.all()) {
      auto line = loaded.diagnostics.format(diagnostic);
      std::cerr << line << '\n';
      if (diagnostic.kind == Diagnostic::Kind::kError) errors_.push_back(std::move(line));
    }
    if (!loaded.set) return Error("the policies are not valid");
    return loaded.set;
  }

  Status start_publishing() {
    auto loss = options_.json ? LineQueue::LossLine([](std::uint64_t lost) {
      return JsonPublisher::loss_line(lost, std::chrono::system_clock::now());
    })
                              : LineQueue::LossLine(ConsolePublisher::loss_line);
    GUARD_TRY(lines_, LineQueue::start(STDOUT_FILENO, {}, std::move(loss)));
    const auto sink = [this](std::string line) { (void)lines_->push(std::move(line)); };
    if (options_.json) {
      publisher_ = std::make_unique<JsonPublisher>(sink, boot_id_, JsonLine::Charset::kUtf8);
    } else {
      publisher_ = std::make_unique<ConsolePublisher>(
          sink, ConsolePublisher::style_of(STDOUT_FILENO, options_.config.journal.sample));
    }
    return {};
  }

  Status listen() {
    GUARD_CHECK(add_io(notices_->fd(), [](Daemon& daemon) {
      daemon.more_notices_ = daemon.notices_->dispatch(*daemon.caretaker_);
    }));
    if (processes_->fd() >= 0) {
      GUARD_CHECK(add_io(processes_->fd(),
                         [](Daemon& daemon) { daemon.lost_ += daemon.processes_->dispatch(); }));
    }
    GUARD_CHECK(add_io(scans_->fd(), [](Daemon& daemon) { daemon.take_findings(); }));
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

  Status add_io(int fd, Handler handler) {
    ios_.push_back(std::make_unique<Io>(Io{this, handler}));
    const int code = sd_event_add_io(loop_.get(), nullptr, fd, EPOLLIN, on_io, ios_.back().get());
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
      daemon.reload();
    } else {
      daemon.stop_reason_ = signal->ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT";
      sd_event_exit(daemon.loop_.get(), 0);
    }
    return 0;
  }

  // ---- which trees there are
  // ------------------------------------------------------------------------------------

  void enforce(std::shared_ptr<const PolicySet> set) {
    for (std::uint32_t tree = 0; tree < watched_.size(); ++tree) forget(tree);
    set_ = std::move(set);
    watched_.assign(set_->trees().size(), FileId());
    caretaker_->enforce(set_);
    find_trees();
  }

  std::string path_of(std::uint32_t tree) const { return set_->trees()[tree].root(); }

  bool is_off(std::uint32_t tree) const {
    return set_->policy_of(set_->trees()[tree]).action() == Action::kOff;
  }

  // Watches above before it looks: what changes in between is told.
  void find_trees() {
    std::vector<std::string> paths;
    for (std::uint32_t tree = 0; tree < watched_.size(); ++tree) paths.push_back(path_of(tree));
    anchors_->watch_above(paths);
    for (std::uint32_t tree = 0; tree < watched_.size(); ++tree)
      if (!is_off(tree)) find_tree(tree);
  }

  void find_tree(std::uint32_t tree) {
    const auto root = open_tree(path_of(tree));
    auto id = root ? FileId::of(root->fd.get()) : Result<FileId>(Error("not there"));
    if (!id) return forget(tree);
    if (watched_[tree] == *id) return;
    forget(tree);
    if (!notices_->watch_tree(tree, path_of(tree), *caretaker_)) return;
    watched_[tree] = *std::move(id);
    scans_->ask(set_, tree);  // what happened before it was watched
  }

  void forget(std::uint32_t tree) {
    if (!watched_[tree].known()) return;
    watched_[tree] = FileId();
    caretaker_->forget_tree(tree);
    notices_->forget_tree(tree);
  }

  // Part of it may be watched no more: all of it is watched anew, and looked through.
  void look_through(std::uint32_t tree, const std::string& why) {
    ++lost_;
    again_.insert(tree);
    why_again_ = why;
  }

  void reload() {
    sd_notify(0, "RELOADING=1");
    auto set = load(set_->generation() + 1);
    ReloadNews news;
    news.done = static_cast<bool>(set);
    if (set) {
      enforce(*std::move(set));
    } else if (errors_.empty()) {
      errors_.push_back(set.error().text());
    }
    news.generation = set_->generation();
    news.policy_identity = set_->identity();
    news.policies = set_->policies().size();
    news.errors = errors_;
    publisher_->reload(news);
    tell_what_is_missing();
    sd_notify(0, "READY=1");
  }

  // ---- one turn of the loop
  // -------------------------------------------------------------------------------------

  std::uint64_t patience() const {
    if (more_notices_ || more_work_) return 0;
    std::optional<SteadyTime> next = caretaker_->next();
    if (const auto due = incidents_.next_due(); due && (!next || *due < *next)) next = due;
    if (!next) return UINT64_MAX;
    const auto wait = std::chrono::duration_cast<std::chrono::microseconds>(
        *next - std::chrono::steady_clock::now());
    return wait.count() <= 0 ? 0 : static_cast<std::uint64_t>(wait.count()) + 1;
  }

  void turn() {
    if (more_notices_) more_notices_ = notices_->dispatch(*caretaker_);
    if (!again_.empty()) watch_again();
    const auto now = std::chrono::steady_clock::now();
    more_work_ = caretaker_->work(now);
    for (const auto& incident : incidents_.close_due(now)) publisher_->incident_closed(*incident);
  }

  void watch_again() {
    for (const auto tree : std::exchange(again_, {})) {
      if (tree >= watched_.size()) continue;
      forget(tree);
      find_tree(tree);
    }
    publisher_->health({Health::kOk,
                        "notices were lost (" + why_again_ + "); scanning the trees concerned",
                        counters()});
  }

  void take_findings() {
    for (auto& wrong : scans_->take())
      if (wrong.set == set_) caretaker_->found_wrong(wrong.tree, wrong.path, wrong.outcome);
  }

  void report(Violation violation) {
    violation.id = violation_ids_.next(violation.time);
    violation.boot_id = boot_id_;
    ++violations_;
    if (violation.action == Told::kFixed) ++fixed_;
    const auto taken = incidents_.take(violation, std::chrono::steady_clock::now());
    for (const auto& closed : taken.closed) publisher_->incident_closed(*closed);
    if (taken.opened) publisher_->incident_opened(*taken.incident);
    publisher_->violation(violation, *taken.incident);
  }

  Counters counters() const {
    return {violations_, fixed_, 0, lost_ + (lines_ ? lines_->lost() : 0)};
  }

  void tell_ready() {
    ReadyNews news;
    news.version = GUARD_VERSION;
    news.generation = set_->generation();
    news.policy_identity = set_->identity();
    news.policies = set_->policies().size();
    news.trees = set_->trees().size();
    news.pending = static_cast<std::size_t>(std::count_if(
        watched_.begin(), watched_.end(), [](const FileId& id) { return !id.known(); }));
    news.directories = notices_->directories().size();
    publisher_->ready(news);
    if (const auto& error = processes_->tracer_error()) {
      const auto first = error->text().substr(0, error->text().find('\n'));
      publisher_->health(
          {Health::kDegraded, "who did it is only known while it runs: " + first, counters()});
    }
    tell_what_is_missing();
    sd_notify(0, "READY=1");
  }

  // Never silently less than a policy asks for.
  void tell_what_is_missing() {
    std::string names;
    for (const auto& policy : set_->policies()) {
      const bool more = policy.action() == Action::kDeny ||
                        policy.said.guards.value != EnumSet<Guard>{Guard::kOwnership};
      if (more) names += (names.empty() ? "" : ", ") + policy.name();
    }
    if (names.empty()) return;
    publisher_->health(
        {Health::kDegraded,
         "this version refuses nothing and guards ownership only, so these policies get less than "
         "they ask for: " +
             names,
         counters()});
  }

  void finish() {
    sd_notify(0, "STOPPING=1");
    for (const auto& incident : incidents_.close_all()) publisher_->incident_closed(*incident);
    publisher_->stop({stop_reason_, counters()});
    (void)lines_->stop(500ms);
  }

  const DaemonOptions& options_;
  Loop loop_;
  std::vector<std::unique_ptr<Io>> ios_;
  std::shared_ptr<const PolicySet> set_;
  std::vector<std::string> errors_;
  std::string boot_id_ = boot_id();
  std::string stop_reason_;

  std::unique_ptr<LineQueue> lines_;
  std::unique_ptr<Publisher> publisher_;
  Incidents incidents_;
  RecordIds violation_ids_;

  std::unique_ptr<Processes> processes_;
  std::unique_ptr<NoticeSource> notices_;
  std::unique_ptr<Caretaker> caretaker_;
  std::unique_ptr<Scans> scans_;
  std::unique_ptr<Anchors> anchors_;

  std::vector<FileId> watched_;  // by tree; unknown: pending
  std::set<std::uint32_t> again_;
  std::string why_again_;
  bool more_notices_ = false;
  bool more_work_ = false;
  std::uint64_t violations_ = 0;
  std::uint64_t fixed_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace

int run_daemon(const DaemonOptions& options) {
  return Daemon(options).run();
}

}  // namespace guard
