#include "guardd/publish/dispatcher.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "guardd/host/users.h"
#include "guardd/publish/console_publisher.h"
#include "guardd/publish/journal_socket.h"
#include "guardd/publish/json_publisher.h"
#include "guardd/who/proc.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostIncidents = 256;

std::string boot_id() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  std::erase(id, '-');
  return id;
}

// Only what holds up nobody: stat, and nothing of the process's memory.
bool still_lives(std::int32_t pid, std::uint64_t start_time) {
  const auto start = Proc().start_of(pid);
  return start && same_start(*start, start_time);
}

std::optional<std::string> name_of(Uid user) {
  const auto account = SystemUsers().user(user);
  if (!account || !*account) return std::nullopt;
  return (*account)->name;
}

}  // namespace

Dispatcher::Dispatcher()
    : incidents_({}, RecordIds(RecordIds::Length::kIncident)),
      violation_ids_(RecordIds::Length::kViolation),
      boot_id_(boot_id()),
      lookup_({.name_of = name_of}) {}

Status Dispatcher::tell_offenders() {
  const auto group = terminal_group();
  GUARD_TRY(terminals_, TerminalPublisher::start(
                            {[group] { serve_terminals_only(group); },
                             [terminal = OwnTerminal()](Uid person, const auto& processes) {
                               return terminal.open(person, processes);
                             }}));
  all_.add(*terminals_);
  return {};
}

Status Dispatcher::start(Log log, const Config& config) {
  const auto sink = [this](std::string line) { (void)lines_->push(std::move(line)); };
  if (log == Log::kJournal) {
    GUARD_TRY(lines_, LineQueue::start(std::make_unique<JournalSocket>(), {},
                                       JournalPublisher::loss_entry));
    auto journal =
        std::make_unique<JournalPublisher>(sink, JournalPublisher::Limits{}, still_lives);
    journal_ = journal.get();
    told_to_ = std::move(journal);
    all_.add(*told_to_);
    set_limits(config);
    return {};
  }
  const bool json = log == Log::kJson;
  auto loss = json ? LineQueue::LossLine([](std::uint64_t lost) {
    return JsonPublisher::loss_line(lost, std::chrono::system_clock::now());
  })
                   : LineQueue::LossLine(ConsolePublisher::loss_line);
  GUARD_TRY(lines_, LineQueue::start(STDOUT_FILENO, {}, std::move(loss)));
  if (json) {
    auto lines = std::make_unique<JsonPublisher>(sink, boot_id_, JsonLine::Charset::kUtf8);
    lines->ask_first([this] { return lines_->loses_next(); });
    told_to_ = std::move(lines);
  } else {
    told_to_ = std::make_unique<ConsolePublisher>(
        sink, ConsolePublisher::style_of(STDOUT_FILENO, config.journal.sample));
  }
  all_.add(*told_to_);
  set_limits(config);
  return {};
}

void Dispatcher::continue_after(const LastNames& last) {
  incidents_ = Incidents({}, RecordIds(RecordIds::Length::kIncident, last.incident));
  violation_ids_ = RecordIds(RecordIds::Length::kViolation, last.violation);
}

void Dispatcher::set_limits(const Config& config) {
  incidents_.set_limits({config.incident.quiet, config.journal.sample, kMostIncidents});
  if (journal_)
    journal_->set_limits({config.journal.sample, config.journal.min_severity, config.journal.rate});
}

void Dispatcher::violation(Violation violation) {
  if (!is_ready_) {
    early_.push_back(std::move(violation));
    return;
  }
  const bool is_complete = lookup_.complete(violation.actor);
  if (!is_complete || !waiting_.empty()) {
    // Nobody overtakes one that waits; where there are too many, none waits any longer.
    if (waiting_.size() >= kMostWaiting) tell_waiting(SteadyTime::max());
    const auto until = std::chrono::steady_clock::now() + lookup_.patience();
    waiting_.push_back({std::move(violation), until});
    return;
  }
  tell(std::move(violation));
}

void Dispatcher::answered() {
  lookup_.clear();
  tell_waiting(std::chrono::steady_clock::now());
}

void Dispatcher::tell_waiting(SteadyTime now) {
  while (!waiting_.empty()) {
    auto& first = waiting_.front();
    if (!lookup_.complete(first.violation.actor) && first.until > now) return;
    tell(std::move(first.violation));
    waiting_.pop_front();
  }
}

void Dispatcher::tell(Violation violation) {
  violation.id = violation_ids_.next(violation.time);
  violation.boot_id = boot_id_;
  violation.backend = backend_;
  const auto count = 1 + violation.repeats;
  violations_ += count;
  if (violation.action == Outcome::kFixed) fixed_ += count;
  if (violation.action == Outcome::kDenied) denied_ += count;
  const auto taken = incidents_.take(violation, std::chrono::steady_clock::now());
  for (const auto& closed : taken.closed) all_.incident_closed(*closed);
  if (taken.opened) all_.incident_opened(*taken.incident);
  all_.violation(violation, *taken.incident);
}

void Dispatcher::ready(const ReadyNews& news) {
  is_ready_ = true;
  all_.ready(news);
  for (auto& each : std::exchange(early_, {})) violation(std::move(each));
}

void Dispatcher::health(const std::optional<std::string>& disabled,
                        std::vector<std::string> shortcomings,
                        std::map<std::string, std::string> pauses) {
  if (disabled) {
    shortcomings = {*disabled};
    pauses.clear();
  }
  const auto before = std::exchange(health_, disabled                ? Health::kDisabled
                                             : !shortcomings.empty() ? Health::kDegraded
                                             : !pauses.empty()       ? Health::kPaused
                                                                     : Health::kOk);
  const auto said = std::exchange(told_, {});
  for (auto& reason : shortcomings) {
    if (!said.contains(reason)) say(reason);
    told_.insert(std::move(reason));
  }
  const auto were_paused = std::exchange(pauses_, std::move(pauses));
  if (!disabled) {
    for (const auto& [policy, reason] : were_paused)
      if (!pauses_.contains(policy)) say("policy " + quote(policy) + " is not paused any more");
  }
  // What is said last is how we are: a pause that was worth less than what is over is said again.
  const bool is_the_worst_again = health_ == Health::kPaused && before == Health::kDegraded;
  for (const auto& [policy, reason] : pauses_) {
    const auto same = were_paused.find(policy);
    if (is_the_worst_again || same == were_paused.end() || same->second != reason) say(reason);
  }
  if (health_ == Health::kOk && !said.empty()) say("all policies are enforced again");
}

void Dispatcher::say(const std::string& reason) {
  all_.health({health_, reason, counters()});
}

std::vector<std::string> Dispatcher::health_reasons() const {
  std::vector<std::string> reasons(told_.begin(), told_.end());
  for (const auto& [policy, reason] : pauses_) reasons.push_back(reason);
  return reasons;
}

void Dispatcher::cured(const std::string& why) {
  all_.health(
      {health_, "notices were lost (" + why + "); scanning the trees concerned", counters(), true});
}

void Dispatcher::close_due(SteadyTime now) {
  tell_waiting(now);
  for (const auto& incident : incidents_.close_due(now)) all_.incident_closed(*incident);
}

std::optional<SteadyTime> Dispatcher::next_due() const {
  auto due = incidents_.next_due();
  if (!waiting_.empty() && (!due || waiting_.front().until < *due)) due = waiting_.front().until;
  return due;
}

void Dispatcher::stop(const std::string& reason) {
  tell_waiting(SteadyTime::max());
  for (const auto& incident : incidents_.close_all()) all_.incident_closed(*incident);
  all_.stop({reason, counters()});
  if (terminals_) terminals_->finish(100ms);
  (void)lines_->stop(500ms);
}

Counters Dispatcher::counters() const {
  Counters counters;
  counters.violations = violations_;
  counters.fixed = fixed_;
  counters.denied = denied_;
  counters.lost = lost_ + (lines_ ? lines_->lost() : 0) + (losses_ ? losses_() : 0);
  if (answers_) {
    counters.lost += answers_->not_told;
    counters.asked = answers_->events;
    counters.answered = answers_->answers;
    counters.late = answers_->late;
    counters.unseen = answers_->overloaded;
  }
  return counters;
}

}  // namespace guard
