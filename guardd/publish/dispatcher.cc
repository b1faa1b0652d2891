#include "guardd/publish/dispatcher.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "guardd/publish/console_publisher.h"
#include "guardd/publish/journal_socket.h"
#include "guardd/publish/json_publisher.h"
#include "guardd/who/proc.h"

namespace guard {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostIncidents = 256;

// Never waits: reads stat only, nothing of the process's memory.
bool is_running(std::int32_t pid, std::uint64_t start_time) {
  const auto start = Proc().start_of(pid);
  return start && same_start(*start, start_time);
}

}  // namespace

Dispatcher::Dispatcher(HelperPort& inquiry)
    : incidents_({}, RecordIds(RecordIds::Length::kIncident)),
      violation_ids_(RecordIds::Length::kViolation),
      machine_(MachineIds::read()),
      lookup_(inquiry) {}

Status Dispatcher::start_terminals() {
  const auto group = terminal_group();
  GUARD_TRY(terminals_, TerminalPublisher::start(
                            {[group] { serve_terminals_only(group); },
                             [terminal = OwnTerminal()](Uid person, const auto& processes) {
                               return terminal.open(person, processes);
                             }}));
  add(*terminals_);
  return {};
}

Status Dispatcher::start(Log log, const Config& config) {
  const auto sink = [this](std::string line) { (void)lines_->push(std::move(line)); };
  if (log == Log::kJournal) {
    GUARD_TRY(lines_, LineQueue::start(std::make_unique<JournalSocket>(), {},
                                       JournalPublisher::loss_entry));
    auto journal = std::make_unique<JournalPublisher>(sink, JournalPublisher::Limits{}, is_running);
    journal_ = journal.get();
    log_ = std::move(journal);
    add(*log_);
    set_limits(config);
    return {};
  }
  const bool json = log == Log::kJson;
  auto loss = json ? LineQueue::LossLine([machine = machine_](std::uint64_t lost) {
    return JsonPublisher::loss_line(lost, std::chrono::system_clock::now(), machine);
  })
                   : LineQueue::LossLine(ConsolePublisher::loss_line);
  GUARD_TRY(lines_, LineQueue::start(STDOUT_FILENO, {}, std::move(loss)));
  if (json) {
    auto lines = std::make_unique<JsonPublisher>(sink, machine_, JsonLine::Charset::kUtf8);
    lines->check_room([this] { return lines_->loses_next(); });
    log_ = std::move(lines);
  } else {
    log_ = std::make_unique<ConsolePublisher>(
        sink, ConsolePublisher::style_of(STDOUT_FILENO, config.journal.sample));
  }
  add(*log_);
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
    early_.push_back({std::move(violation), {}});
    return;
  }
  const bool is_complete = lookup_.complete(violation);
  const auto until = lookup_.until();
  if (!is_complete || !waiting_.empty()) {
    // Violations keep their order. If too many are waiting, none waits any longer.
    if (waiting_.size() >= kMostWaiting) publish_waiting(SteadyTime::max());
    waiting_.push_back({std::move(violation), until});
    return;
  }
  publish_now(std::move(violation));
}

void Dispatcher::publish_waiting(SteadyTime now) {
  while (!waiting_.empty()) {
    auto& first = waiting_.front();
    if (!lookup_.complete(first.violation) && first.until > now) {
      first.until = std::min(first.until, lookup_.until());
      return;
    }
    publish_now(std::move(first.violation));
    waiting_.pop_front();
  }
}

// No process is known that must be looked up, so that it waits for nothing.
void Dispatcher::fixed_files(Violation first, FixedFiles files) {
  first.repeats = files.count() - 1;
  (void)lookup_.complete(first);
  if (is_ready_) return publish_now(std::move(first), files);
  early_.push_back({std::move(first), std::move(files)});
}

void Dispatcher::publish_now(Violation violation, const FixedFiles& files) {
  violation.id = violation_ids_.next(violation.time);
  violation.boot_id = machine_.boot_id;
  violation.host = machine_.host;
  violation.machine_id = machine_.id;
  violation.backend = backend_;
  const auto count = 1 + violation.repeats;
  violations_ += count;
  if (violation.action == Outcome::kFixed) fixed_ += count;
  if (violation.action == Outcome::kDenied) denied_ += count;
  const auto change = incidents_.add(violation, std::chrono::steady_clock::now(), files);
  for (const auto& closed : change.closed) publish(&Publisher::incident_closed, *closed);
  if (change.opened) publish(&Publisher::incident_opened, *change.incident);
  if (files.empty())
    publish(&Publisher::violation, violation, *change.incident);
  else
    publish(&Publisher::fixed_files, violation, files, *change.incident);
}

void Dispatcher::ready(const ReadyNews& news) {
  is_ready_ = true;
  publish_news(news);
  for (auto& each : std::exchange(early_, {})) {
    if (each.files.empty())
      violation(std::move(each.violation));
    else
      fixed_files(std::move(each.violation), std::move(each.files));
  }
}

void Dispatcher::health(const std::optional<std::string>& disabled,
                        std::vector<std::string> shortcomings, HealthTracker::Pauses pauses) {
  for (const auto& reason : health_.update(disabled, std::move(shortcomings), std::move(pauses)))
    publish_news(HealthNews{health(), reason, counters()});
}

void Dispatcher::report_lost_events(const std::string& why) {
  publish_news(HealthNews{health(), "events were lost (" + why + "); scanning the affected trees",
                          counters(), true});
}

void Dispatcher::close_due(SteadyTime now) {
  publish_waiting(now);
  for (const auto& incident : incidents_.close_due(now))
    publish(&Publisher::incident_closed, *incident);
}

std::optional<SteadyTime> Dispatcher::next_due() const {
  auto due = incidents_.next_due();
  if (!waiting_.empty() && (!due || waiting_.front().until < *due)) due = waiting_.front().until;
  return due;
}

void Dispatcher::stop(const std::string& reason) {
  publish_waiting(SteadyTime::max());
  for (const auto& incident : incidents_.close_all())
    publish(&Publisher::incident_closed, *incident);
  publish_news(StopNews{reason, counters()});
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
