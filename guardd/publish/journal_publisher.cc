#include "guardd/publish/journal_publisher.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "guardd/host/terminal_text.h"
#include "guardd/publish/advice.h"
#include "guardd/publish/sentences.h"

namespace guard {
namespace {

using message_id::Priority;

// The priority shows whether guardd could act. GUARD_SEVERITY is the severity set in the policy.
Priority priority_of(const Violation& violation) {
  return violation.action == Outcome::kSkipped ? message_id::kError : message_id::kWarning;
}

std::string_view id_of(Outcome outcome) {
  if (outcome == Outcome::kDenied) return message_id::kDenied;
  return outcome == Outcome::kSkipped ? message_id::kNotFixed : message_id::kViolation;
}

void add(JournalEntry& entry, const Counters& counters) {
  each_counter(counters,
               [&](std::string_view name, std::uint64_t value) { entry.number(name, value); });
}

}  // namespace

void JournalPublisher::set_limits(Limits limits) {
  limits_ = limits;
  entries_.set(static_cast<double>(limits.rate), static_cast<double>(limits.rate));
}

template <typename Make>
void JournalPublisher::put(Make make) noexcept {
  try {
    JournalEntry entry = make();
    sink_(std::move(entry).finish());
  } catch (const std::exception&) {  // out of memory
    ++lost_;
  }
}

// Adds what entries about a violation and about its incident have in common.
void JournalPublisher::put_about(JournalEntry& entry, const Violation& violation,
                                 const Ancestor& command) const {
  const auto name_or = [](const std::string& name, std::uint32_t number) {
    return name.empty() ? std::to_string(number) : name;
  };
  entry.text("owner", name_or(violation.owner_wanted, violation.uid_wanted.value));
  entry.text("group", name_or(violation.group_wanted, violation.gid_wanted.value));
  const auto advice = advice_for(violation, command);
  entry.text("advice",
             advice.remark.empty() ? advice.command : advice.command + "  # " + advice.remark);
  entry.ancestor("command", command);
  const auto& actor = violation.actor;
  if (actor.pid && actor.start_time && is_running_(*actor.pid, *actor.start_time))
    entry.object(*actor.pid);
}

bool JournalPublisher::is_logged_individually(const Violation& violation,
                                              const Incident& incident) {
  const bool sampled =
      incident.count <= limits_.sample && violation.severity >= limits_.min_severity;
  if (violation.action != Outcome::kSkipped) return sampled;
  if (failures_.take(clock_()) || sampled) return true;
  folded_ += 1 + violation.repeats;
  return false;
}

// Entries beyond the rate are counted and reported, at most once per second.
bool JournalPublisher::has_room() {
  const auto now = clock_();
  if (now - reported_at_ >= std::chrono::seconds(1)) {
    reported_at_ = now;
    report_suppressed();
  }
  const bool fits = entries_.take(now);
  if (!fits) ++suppressed_;
  return fits;
}

void JournalPublisher::report_suppressed() {
  const auto suppressed = std::exchange(suppressed_, 0);
  if (suppressed == 0) return;
  put([&] {
    JournalEntry entry(
        message_id::kSuppressed, message_id::kNotice,
        "guardd suppressed " + counted(suppressed, "message", "messages") + ": rate limit reached");
    entry.text("type", "health");
    entry.number("held_back", suppressed);
    return entry;
  });
}

void JournalPublisher::violation(const Violation& violation, const Incident& incident) noexcept {
  if (!is_logged_individually(violation, incident)) return;  // the closing entry counts it
  if (!has_room()) return;
  put([&] {
    const bool failed = violation.action == Outcome::kSkipped;
    auto message = sentence_of(violation, incident.command);
    if (failed && folded_ > 0)
      message += "; " + grouped(folded_) + " earlier failures were not logged";
    JournalEntry entry(id_of(violation.action), priority_of(violation), message);
    entry.text("type", "violation");
    each_field(violation, FieldSet().set(),
               [&](std::string_view name, const FieldValue& value) { entry.field(name, value); });
    if (violation.repeats > 0) entry.number("repeats", violation.repeats);
    if (failed && folded_ > 0) entry.number("folded", folded_);
    if (failed) folded_ = 0;
    put_about(entry, violation, incident.command);
    return entry;
  });
}

JournalEntry JournalPublisher::incident(const Incident& incident, std::string_view state) const {
  const bool opened = state == "opened";
  JournalEntry entry(opened ? message_id::kIncidentOpened : message_id::kIncidentClosed,
                     message_id::kNotice,
                     opened ? opened_sentence(incident) : closed_sentence(incident));
  entry.text("type", "incident");
  entry.text("state", state);
  entry.text("id", incident.id);
  entry.text("incident",
             incident.id);  // the same field as in its violations, so that one match finds all
  entry.number("count", incident.count);
  if (incident.unlisted > 0) entry.number("unlisted", incident.unlisted);
  entry.time("first_seen", incident.first_seen);
  entry.time("last_seen", incident.last_seen);
  constexpr std::size_t kMost = 64;
  for (std::size_t i = 0; i < std::min(incident.sample.size(), kMost); ++i)
    entry.path("sample", incident.sample[i]);
  for (std::size_t i = 0; i < incident.by_outcome.size(); ++i)
    entry.number("totals_" + std::string(Words<Outcome>::kAll[i]), incident.by_outcome[i]);
  each_field(incident.first, incident.shared,
             [&](std::string_view name, const FieldValue& value) { entry.field(name, value); });
  put_about(entry, incident.first, incident.command);
  return entry;
}

void JournalPublisher::incident_opened(const Incident& opened) noexcept {
  if (has_room()) put([&] { return incident(opened, "opened"); });
}

void JournalPublisher::incident_closed(const Incident& closed) noexcept {
  if (has_room()) put([&] { return incident(closed, "closed"); });
}

void JournalPublisher::ready(const ReadyNews& news) noexcept {
  put([&] {
    JournalEntry entry(message_id::kReady, message_id::kInfo, sentence_of(news));
    entry.text("type", "ready");
    entry.text("version", news.version);
    entry.text("backend", word(news.backend));
    entry.number("generation", news.generation);
    entry.text("policy_identity", news.policy_identity);
    entry.number("policies", news.policies);
    entry.number("trees", news.trees);
    entry.number("pending", news.pending);
    entry.number("directories", news.directories);
    return entry;
  });
}

void JournalPublisher::reload(const ReloadNews& news) noexcept {
  put([&] {
    JournalEntry entry(news.done ? message_id::kReloaded : message_id::kReloadDenied,
                       news.done ? message_id::kInfo : message_id::kError, sentence_of(news));
    entry.text("type", "reload");
    entry.text("done", news.done ? "true" : "false");
    entry.number("generation", news.generation);
    entry.text("policy_identity", news.policy_identity);
    entry.number("policies", news.policies);
    constexpr std::size_t kMost = 64;
    for (std::size_t i = 0; i < std::min(news.errors.size(), kMost); ++i)
      entry.text("errors", news.errors[i]);
    return entry;
  });
}

void JournalPublisher::health(const HealthNews& news) noexcept {
  put([&] {
    const bool fine = news.health == Health::kOk;
    const auto id = news.events_lost                   ? message_id::kEventsLost
                    : fine                             ? message_id::kHealthy
                    : news.health == Health::kDegraded ? message_id::kDegraded
                    : news.health == Health::kPaused   ? message_id::kPaused
                                                       : message_id::kDisabled;
    JournalEntry entry(id, fine && !news.events_lost ? message_id::kNotice : message_id::kWarning,
                       sentence_of(news));
    entry.text("type", "health");
    entry.text("health", word(news.health));
    entry.text("health_reason", news.reason);
    add(entry, news.counters);
    return entry;
  });
}

void JournalPublisher::manual_repair(const ManualRepairNews& news) noexcept {
  put([&] {
    const bool is_undo = news.kind == ManualRepairNews::Kind::kUndo;
    JournalEntry entry(is_undo ? message_id::kUndone : message_id::kManualFix, message_id::kNotice,
                       sentence_of(news));
    entry.text("type", is_undo ? "undo" : "fix");
    entry.text("user", news.user);
    if (!news.where.empty()) entry.text(is_undo ? "incident" : "where", news.where);
    entry.number(is_undo ? "restored" : "fixed", news.done);
    entry.number("left", news.left);
    return entry;
  });
}

void JournalPublisher::excuse(const ExcuseNews& news) noexcept {
  put([&] {
    JournalEntry entry(news.is_over ? message_id::kExcuseOver : message_id::kExcused,
                       message_id::kNotice, sentence_of(news));
    entry.text("type", "excuse");
    entry.text("state", news.is_over ? "over" : "begun");
    entry.text("reason", news.reason);
    entry.text("user", news.user);
    entry.text("cmdline", news.command);
    entry.number("pid", static_cast<std::uint64_t>(news.pid));
    if (!news.is_over) entry.object(news.pid);
    return entry;
  });
}

void JournalPublisher::stop(const StopNews& news) noexcept {
  report_suppressed();
  put([&] {
    JournalEntry entry(message_id::kStopped, message_id::kInfo, sentence_of(news));
    entry.text("type", "stop");
    entry.text("reason", news.reason);
    add(entry, news.counters);
    return entry;
  });
}

std::string JournalPublisher::loss_entry(std::uint64_t lost) {
  JournalEntry entry(message_id::kMessagesLost, message_id::kWarning,
                     "guardd lost " + counted(lost, "message", "messages") +
                         " because the journal did not accept them fast enough");
  entry.text("type", "health");
  entry.text("health", word(Health::kDegraded));
  entry.number("lost_records", lost);
  return std::move(entry).finish();
}

}  // namespace guard
