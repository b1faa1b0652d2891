// The fields of news and incidents, for the logs. A line is a JsonLine or a JournalEntry. Pure; any
// thread.
#pragma once

#include <string_view>

#include "guardd/publish/publisher.h"
#include "policy/record/fields.h"

namespace guard {

template <typename Line>
void put_fields(Line& line, const Violation& violation, const FieldSet& fields) {
  each_field(violation, fields,
             [&](std::string_view name, const FieldValue& value) { line.field(name, value); });
}

template <typename Line>
void put_fields(Line& line, const Counters& counters) {
  each_counter(counters,
               [&](std::string_view name, std::uint64_t value) { line.number(name, value); });
}

// `state`: "opened" or "closed". The sample, the totals and the command depend on the log.
template <typename Line>
void put_fields(Line& line, const Incident& incident, std::string_view state) {
  line.text("state", state);
  line.text("id", incident.id);
  line.number("count", incident.count);
  if (incident.unlisted > 0) line.number("unlisted", incident.unlisted);
  line.time("first_seen", incident.first_seen);
  line.time("last_seen", incident.last_seen);
  if (!incident.directory.empty()) line.path("directory", incident.directory);
}

template <typename Line>
void put_fields(Line& line, const ReadyNews& news) {
  line.text("version", news.version);
  line.text("backend", word(news.backend));
  line.number("generation", news.generation);
  line.text("policy_identity", news.policy_identity);
  line.number("policies", news.policies);
  line.number("trees", news.trees);
  line.number("pending", news.pending);
  line.number("directories", news.directories);
}

template <typename Line>
void put_fields(Line& line, const ReloadNews& news) {
  line.boolean("done", news.done);
  line.number("generation", news.generation);
  line.text("policy_identity", news.policy_identity);
  line.number("policies", news.policies);
  line.texts("errors", news.errors);
}

template <typename Line>
void put_fields(Line& line, const HealthNews& news) {
  line.text("health", word(news.health));
  if (!news.reason.empty()) line.text("health_reason", news.reason);
  put_fields(line, news.counters);
}

template <typename Line>
void put_fields(Line& line, const ExcuseNews& news) {
  line.text("state", news.is_over ? "over" : "begun");
  line.text("reason", news.reason);
  line.text("user", news.user);
  line.text("cmdline", news.command);
  line.number("pid", static_cast<std::uint64_t>(news.pid));
  if (!news.is_over) line.object(news.pid);
}

template <typename Line>
void put_fields(Line& line, const ManualRepairNews& news) {
  const bool is_undo = news.kind == ManualRepairNews::Kind::kUndo;
  line.text("user", news.user);
  line.text(is_undo ? "incident" : "where", news.where);
  line.number(is_undo ? "restored" : "fixed", news.done);
  line.number("left", news.left);
}

template <typename Line>
void put_fields(Line& line, const StopNews& news) {
  line.text("reason", news.reason);
  put_fields(line, news.counters);
}

}  // namespace guard
