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

// How much it matters to whoever wrote the policy is GUARD_SEVERITY; this is how far guardd got.
Priority priority_of(const Violation& violation) {
  return violation.action == Outcome::kSkipped ? message_id::kError : message_id::kWarning;
}

std::string_view id_of(Outcome told) {
  if (told == Outcome::kDenied) return message_id::kDenied;
  return told == Outcome::kSkipped ? message_id::kNotFixed : message_id::kViolation;
}

void put(JournalEntry& entry, const Counters& counters) {
  each_counter(counters,
               [&](std::string_view name, std::uint64_t value) { entry.number(name, value); });
}

}  // namespace

template <typename Make>
void JournalPublisher::tell(Make make) noexcept {
  try {
    JournalEntry entry = make();
    sink_(std::move(entry).finish());
  } catch (const std::exception&) {  // out of memory
    ++lost_;
  }
}

// What both a violation and its incident say besides their fields.
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
  if (actor.pid && actor.start_time && still_lives_(*actor.pid, *actor.start_time))
    entry.object(*actor.pid);
}

bool JournalPublisher::is_told_singly(const Violation& violation, const Incident& incident) {
  const bool sampled =
      incident.count <= limits_.sample && violation.severity >= limits_.min_severity;
  if (violation.action != Outcome::kSkipped) return sampled;
  begin_second();
  if (!sampled && failures_ >= kFailuresPerSecond) {
    folded_ += 1 + violation.repeats;
    return false;
  }
  ++failures_;
  return true;
}

void JournalPublisher::begin_second() {
  const auto now = clock_();
  if (now - second_began_ < std::chrono::seconds(1)) return;
  second_began_ = now;
  told_ = 0;
  failures_ = 0;
  tell_held_back();
}

// What does not fit into this second is counted, and said when the next one begins.
bool JournalPublisher::has_room() {
  begin_second();
  const bool fits = told_ < limits_.rate;
  ++(fits ? told_ : held_back_);
  return fits;
}

void JournalPublisher::tell_held_back() {
  const auto held_back = std::exchange(held_back_, 0);
  if (held_back == 0) return;
  tell([&] {
    JournalEntry entry(message_id::kHeldBack, message_id::kNotice,
                       "guardd kept " + counted(held_back, "message", "messages") +
                           " back: more came in a second than the journal is told");
    entry.text("type", "health");
    entry.number("held_back", held_back);
    return entry;
  });
}

void JournalPublisher::violation(const Violation& violation, const Incident& incident) noexcept {
  if (!is_told_singly(violation, incident)) return;  // the closing entry counts it
  if (!has_room()) return;
  tell([&] {
    const bool failed = violation.action == Outcome::kSkipped;
    auto message = sentence_of(violation, incident.command);
    if (failed && folded_ > 0) message += "; before it, " + grouped(folded_) + " more were not";
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
  entry.text("incident", incident.id);  // as its violations say it: one match finds all
  entry.number("count", incident.count);
  entry.time("first_seen", incident.first_seen);
  entry.time("last_seen", incident.last_seen);
  constexpr std::size_t kMost = 64;
  for (std::size_t i = 0; i < std::min(incident.sample.size(), kMost); ++i)
    entry.path("sample", incident.sample[i]);
  for (std::size_t i = 0; i < incident.told.size(); ++i)
    entry.number("totals_" + std::string(Words<Outcome>::kAll[i]), incident.told[i]);
  each_field(incident.first, incident.shared,
             [&](std::string_view name, const FieldValue& value) { entry.field(name, value); });
  put_about(entry, incident.first, incident.command);
  return entry;
}

void JournalPublisher::incident_opened(const Incident& opened) noexcept {
  if (has_room()) tell([&] { return incident(opened, "opened"); });
}

void JournalPublisher::incident_closed(const Incident& closed) noexcept {
  if (has_room()) tell([&] { return incident(closed, "closed"); });
}

void JournalPublisher::ready(const ReadyNews& news) noexcept {
  tell([&] {
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
  tell([&] {
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
  tell([&] {
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
    put(entry, news.counters);
    return entry;
  });
}

void JournalPublisher::manual_repair(const ManualRepairNews& news) noexcept {
  tell([&] {
    const bool is_undo = news.kind == ManualRepairNews::Kind::kUndo;
    JournalEntry entry(is_undo ? message_id::kUndone : message_id::kFixedByHand,
                       message_id::kNotice, sentence_of(news));
    entry.text("type", is_undo ? "undo" : "fix");
    entry.text("user", news.user);
    if (!news.where.empty()) entry.text(is_undo ? "incident" : "where", news.where);
    entry.number(is_undo ? "restored" : "fixed", news.done);
    entry.number("left", news.left);
    return entry;
  });
}

void JournalPublisher::excuse(const ExcuseNews& news) noexcept {
  tell([&] {
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
  tell_held_back();
  tell([&] {
    JournalEntry entry(message_id::kStopped, message_id::kInfo, sentence_of(news));
    entry.text("type", "stop");
    entry.text("reason", news.reason);
    put(entry, news.counters);
    return entry;
  });
}

std::string JournalPublisher::loss_entry(std::uint64_t lost) {
  JournalEntry entry(message_id::kMessagesLost, message_id::kWarning,
                     "guardd lost " + counted(lost, "message", "messages") +
                         ": the journal did not take them fast enough");
  entry.text("type", "health");
  entry.text("health", word(Health::kDegraded));
  entry.number("lost_records", lost);
  return std::move(entry).finish();
}

}  // namespace guard
