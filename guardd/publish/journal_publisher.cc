#include "guardd/publish/journal_publisher.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "guardd/host/terminal_text.h"
#include "guardd/publish/advice.h"
#include "guardd/publish/news_fields.h"
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

struct Heading {
  std::string_view id;
  Priority priority;
};

Heading heading_of(const ReadyNews& /*news*/) {
  return {message_id::kReady, message_id::kInfo};
}

Heading heading_of(const ReloadNews& news) {
  if (!news.done) return {message_id::kReloadDenied, message_id::kError};
  return {message_id::kReloaded, message_id::kInfo};
}

Heading heading_of(const HealthNews& news) {
  if (news.events_lost) return {message_id::kEventsLost, message_id::kWarning};
  switch (news.health) {
    case Health::kOk:
      return {message_id::kHealthy, message_id::kNotice};
    case Health::kDegraded:
      return {message_id::kDegraded, message_id::kWarning};
    case Health::kPaused:
      return {message_id::kPaused, message_id::kWarning};
    case Health::kDisabled:
      break;
  }
  return {message_id::kDisabled, message_id::kWarning};
}

Heading heading_of(const ExcuseNews& news) {
  return {news.is_over ? message_id::kExcuseOver : message_id::kExcused, message_id::kNotice};
}

Heading heading_of(const ManualRepairNews& news) {
  const bool is_undo = news.kind == ManualRepairNews::Kind::kUndo;
  return {is_undo ? message_id::kUndone : message_id::kManualFix, message_id::kNotice};
}

Heading heading_of(const StopNews& /*news*/) {
  return {message_id::kStopped, message_id::kInfo};
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
                                 const Advice& advice) const {
  const auto name_or = [](const std::string& name, std::uint32_t number) {
    return name.empty() ? std::to_string(number) : name;
  };
  entry.text("owner", name_or(violation.owner_wanted, violation.uid_wanted.value));
  entry.text("group", name_or(violation.group_wanted, violation.gid_wanted.value));
  entry.text("advice", advice.text());
  const auto& actor = *violation.actor;
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
    auto message = sentence_of(violation);
    if (failed && folded_ > 0)
      message += "; " + grouped(folded_) + " earlier failures were not logged";
    JournalEntry entry(id_of(violation.action), priority_of(violation), message);
    entry.text("type", "violation");
    put_fields(entry, violation, FieldSet().set());
    if (violation.repeats > 0) entry.number("repeats", violation.repeats);
    if (failed && folded_ > 0) entry.number("folded", folded_);
    if (failed) folded_ = 0;
    put_about(entry, violation, advice_for(violation));
    return entry;
  });
}

JournalEntry JournalPublisher::incident(const Incident& incident, std::string_view state) const {
  const bool opened = state == "opened";
  JournalEntry entry(opened ? message_id::kIncidentOpened : message_id::kIncidentClosed,
                     message_id::kNotice,
                     opened ? opened_sentence(incident) : closed_sentence(incident));
  entry.text("type", "incident");
  put_fields(entry, incident, state);
  // The same field as in its violations, so that one match finds all.
  entry.text("incident", incident.id);
  constexpr std::size_t kMost = 64;
  for (std::size_t i = 0; i < std::min(incident.sample.size(), kMost); ++i)
    entry.path("sample", incident.sample[i]);
  for (std::size_t i = 0; i < incident.by_outcome.size(); ++i)
    entry.number("totals_" + std::string(Words<Outcome>::kAll[i]), incident.by_outcome[i]);
  entry.ancestor("command", incident.command);
  for (const auto& each : incident.commands)
    entry.text("commands", std::to_string(each.count) + ' ' + command_text(each.command));
  put_fields(entry, incident.first, incident.shared);
  put_about(entry, incident.first, advice_for(incident));
  return entry;
}

void JournalPublisher::incident_opened(const Incident& opened) noexcept {
  if (has_room()) put([&] { return incident(opened, "opened"); });
}

void JournalPublisher::incident_closed(const Incident& closed) noexcept {
  if (has_room()) put([&] { return incident(closed, "closed"); });
}

void JournalPublisher::news(News news) noexcept {
  if (std::holds_alternative<const StopNews*>(news)) report_suppressed();
  const auto put_one = [this](const auto* one) {
    put([&] {
      const auto [id, priority] = heading_of(*one);
      JournalEntry entry(id, priority, sentence_of(*one));
      entry.text("type", one->type());
      put_fields(entry, *one);
      return entry;
    });
  };
  std::visit(put_one, news);
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
