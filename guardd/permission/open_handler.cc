#include "guardd/permission/open_handler.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace guard {
namespace {

// Whether systemd started this very process: then its whole control group is guardd's.
bool is_service() {
  const char* pid = std::getenv("SYSTEMD_EXEC_PID");  // NOLINT(concurrency-mt-unsafe)
  return pid && std::to_string(::getpid()) == pid;
}

// The reason and what the answer was are still to be filled in, and so are the policy's fields.
Violation violation_of(const OpenedFile& opened, const Opener& opener, std::int32_t thread,
                       const Decision& decision) {
  Violation violation;
  violation.object = opened.id;
  violation.guard = decision.verdict.guard;
  violation.operation = decision.operation.value_or(Operation::kCreate);
  violation.file_type = opened.state.type;
  violation.links = std::max<std::uint64_t>(opened.state.links, 1);
  violation.times = opened.state.times;
  violation.before = ownership_of(opened.state);
  violation.after = violation.before;
  auto& actor = violation.actor.edit();
  actor.pid = opener.process;
  actor.tid = thread;
  return violation;
}

// A fix has longer than its open waits: what a late open gets is the watchdog's answer.
constexpr auto kLate = std::chrono::milliseconds(250);

}  // namespace

void OpenHandler::start() {
  helpers_.start();
  open_helpers_.start();
  ProcessesOptions options;
  options.tracer = false;
  processes_ = std::make_unique<Processes>(helpers_, options);
  if (is_service()) own_process_ = processes_->find(::getpid());
}

std::optional<SteadyTime> OpenHandler::next() const {
  const auto one = helpers_.next();
  const auto other = open_helpers_.next();
  return one && other ? std::min(*one, *other) : one ? one : other;
}

void OpenHandler::work_helpers(SteadyTime now) {
  helpers_.work(now);
  open_helpers_.work(now);
  const auto losses = helpers_.losses() + open_helpers_.losses();
  const std::lock_guard lock(mutex_);
  losses_ = losses;
  has_helpers_ = helpers_.has_been_ready() && open_helpers_.has_been_ready();
}

HelperLosses OpenHandler::helper_losses() const {
  const std::lock_guard lock(mutex_);
  return losses_;
}

bool OpenHandler::answer(WaitingOpen& open) {
  using Step = QuickAnswers::Step;
  const auto step = open.facts ? Step::kUnanswered : quick_answers_.answer(open);
  if (step != Step::kUnanswered) return step == Step::kAnswered;
  return answer_slowly(open, *std::exchange(open.facts, std::nullopt));
}

// False: something is not known yet.
bool OpenHandler::answer_slowly(WaitingOpen& waiting, const OpenFacts& facts) {
  std::optional<Intent> intent;
  // Fails as on_deadline says: a busy machine alone must not cause a denial.
  if (!find_intent(waiting, facts, intent)) return false;
  const auto novelty = novelty_of(facts.opened, intent, facts.opener.uid);
  if (novelty != Novelty::kOld || !terms_.denies_opens())
    return answer_in_full(waiting, {waiting.event, facts.opener, facts.opened, intent, novelty});
  allow(waiting.event);  // the LSM answers, and reports what it does not deny
  return true;
}

// False: not known yet.
bool OpenHandler::find_intent(WaitingOpen& waiting, const OpenFacts& facts,
                              std::optional<Intent>& intent) {
  intent = facts.call.intent;
  if (!waiting.flags && facts.call.flags_at) {
    waiting.flags = std::make_shared<WaitingOpen::Flags>();
    ask_for_word(helpers_, waiting.event->thread(), *facts.call.flags_at, facts.opener.uid,
                 [flags = waiting.flags](std::optional<std::uint64_t> word) {
                   *flags = {true, word};
                 });
  }
  if (waiting.flags) {
    if (!waiting.flags->is_known) return false;
    if (waiting.flags->word) intent = intent_in_memory(*waiting.flags->word);
  }
  if (!intent) ++counters_.unknown_intent;
  return true;
}

// False: its process is not known yet.
bool OpenHandler::answer_in_full(WaitingOpen& waiting, const Open& open) {
  FollowUpTask task;
  task.event = open.event;
  const bool by_paths = goes_by_paths(open.event->group().policy());
  if (by_paths) task.place = place_of(*open.event, open.opened);
  // Fails open: which rule applies is not known.
  if (by_paths && !task.place.is_known) {
    if (!task.place.has_left) ++counters_.not_placed;
    allow(open.event);
    return true;
  }
  // Ids are enough for an open that violates no guard.
  Subject ids;
  ids.self.uid = open.opener.uid;
  ids.self.gid = open.opener.gid;
  const bool must_go = is_being_removed(open.opened.id);
  if (!must_go && !decide_for(open, task.place, ids).operation) {
    allow(open.event);
    return true;
  }

  if (!by_paths) task.place = place_of(*open.event, open.opened);
  if (task.place.has_left) {
    allow(open.event);
    return true;
  }
  if (!waiting.process) waiting.process = processes_->find(open.opener.process);
  if (!waiting.process->is_complete()) return false;
  task.process = waiting.process;
  if (is_never_denied(*task.process)) {
    allow(open.event);
    return true;
  }
  // The ids may have changed since the process was read; its other facts hold until it executes.
  auto subject = task.process->subject();
  subject.self.uid = open.opener.uid;
  subject.self.gid = open.opener.gid;
  auto decision = decide_for(open, task.place, subject);
  task.violation = violation_of(open.opened, open.opener, open.event->thread(), decision);
  const auto* excuses = excuses_.load();
  const auto excuse =
      excuses && decision.answer != OpenAnswer::kAllow ? excuses->of(*task.process) : nullptr;
  if (excuse) {
    decision.answer = OpenAnswer::kAllow;
    task.violation.reason = excuse->sentence();
  }
  // Fails as on_deadline says: a machine too busy to read an exempt program must not cause a
  // denial. Another user's process may have caused that itself, so it is not exempt.
  if (decision.answer == OpenAnswer::kDeny && task.process->is_delayed() &&
      open.opener.uid == kRoot && terms_.settings().on_deadline == Answer::kAllow)
    decision.answer = OpenAnswer::kAllow;
  // Fails safe: a file that a denied open made stays denied until it is removed.
  if (decision.answer == OpenAnswer::kAllow && must_go) decision.answer = OpenAnswer::kDeny;
  conclude(open, decision, std::move(task));
  return true;
}

void OpenHandler::conclude(const Open& open, const Decision& decision, FollowUpTask task) {
  switch (decision.answer) {
    case OpenAnswer::kDeny: {
      task.report = decision.operation.has_value();
      const bool has_made_it =
          open.novelty == Novelty::kNew && open.opened.state.links == 1 && task.report;
      if (has_made_it) terms_.begin_removal();  // before the next open of it can be answered
      const bool is_denied = respond(open.event, false);
      task.violation.action = is_denied ? Outcome::kDenied : Outcome::kLogged;
      if (has_made_it && is_denied) return remove(std::move(task));
      if (has_made_it) terms_.end_removal();
      return follow_up(std::move(task));
    }
    case OpenAnswer::kFix:
      if (fixes_ < kMostFixes) return fix(decision.verdict, std::move(task));
      break;
    case OpenAnswer::kAllow:
      allow(open.event);
      // A new file is reported when it has settled.
      task.report = decision.operation.has_value() && open.novelty == Novelty::kOld;
      if (task.report) follow_up(std::move(task));
      return;
  }
  ++counters_.overloaded;
  (void)respond(open.event, terms_.settings().on_overload == Answer::kAllow);
}

// The open is answered once the file is fixed, or by the watchdog.
void OpenHandler::fix(const Verdict& verdict, FollowUpTask task) {
  NewFileFix wanted;
  wanted.maker = task.violation.before->uid;
  wanted.wanted = verdict.wanted->ids();
  if (const auto excess = verdict.deviation.mode_excess; excess != 0)
    wanted.mode = Mode{task.violation.before->mode.value & ~excess};
  const auto file = task.event->file();
  const auto device = task.violation.object.device;
  ++fixes_;
  ask_to_fix(
      open_helpers_, wanted, file, device,
      std::chrono::duration_cast<std::chrono::milliseconds>(terms_.settings().deadline) + kLate,
      [this, task = std::move(task)](const Status& done) {
        --fixes_;
        end_fix(task, static_cast<bool>(done));
      });
}

void OpenHandler::end_fix(FollowUpTask task, bool is_fixed) {
  const auto event = task.event;
  allow(event);
  // A failure is reported with its reason once the file has settled: it is fixed again then.
  const auto now = is_fixed ? read_opened_file(event->file()) : std::nullopt;
  if (!now) return;
  ++counters_.fixed;
  task.violation.after = ownership_of(now->state);
  task.violation.action = Outcome::kFixed;
  task.report = true;
  follow_up(std::move(task));
}

// The task keeps the file open until it is removed.
void OpenHandler::remove(FollowUpTask task) {
  const auto& group = task.event->group();
  const auto& wanted = group.policy().wanted;
  const MadeFileRemoval removal{group.set()->trees()[task.place.tree].root(), task.place.path,
                                task.violation.object, wanted.ids(), wanted.owner_groups};
  const bool is_placed = task.place.is_known;
  const OpenRequestReply end = [this, task = std::move(task)](const Status& done) {
    std::erase(being_removed_, task.violation.object);
    terms_.end_removal();
    auto report = task;
    if (!done)
      report.violation.reason =
          "the open was denied, but the empty file that it made is still there: " +
          done.error().text();
    follow_up(std::move(report));
  };
  being_removed_.push_back(removal.file);
  if (!is_placed) return end(Error("its place in the tree is not known"));
  ask_to_remove(open_helpers_, removal, end);
}

bool OpenHandler::is_being_removed(const InodeId& file) const {
  return std::find(being_removed_.begin(), being_removed_.end(), file) != being_removed_.end();
}

Decision OpenHandler::decide_for(const Open& open, const OpenedPlace& place,
                                 const Subject& subject) const {
  return decide(open.event->group().policy(), place.is_known ? place.path : std::string_view(),
                open.opened, open.novelty, open.intent, terms_.settings().unknown_intent, subject);
}

// guardd waits for the services that carry its reports: a denial could deadlock both.
bool OpenHandler::is_never_denied(const ActingProcess& process) const {
  const auto& group = process.snapshot().control_group;
  if (!group) return false;
  constexpr std::array<std::string_view, 4> kReporters{"systemd-journald.service", "dbus.service",
                                                       "dbus-broker.service",
                                                       "systemd-journald@.service"};
  const auto own = own_process_ && own_process_->is_complete()
                       ? own_process_->snapshot().control_group
                       : nullptr;
  return (own && group->path == own->path) ||
         std::find(kReporters.begin(), kReporters.end(), group->unit) != kReporters.end();
}

// False: the watchdog has answered already.
bool OpenHandler::respond(const std::shared_ptr<PermissionEvent>& event, bool allow) {
  return watchdog_.answer(*event, allow);
}

void OpenHandler::follow_up(FollowUpTask task) {
  const bool matters = task.report;
  if (!follow_up_.offer(std::move(task)) && matters) ++counters_.not_told;
}

}  // namespace guard
