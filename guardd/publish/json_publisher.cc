#include "guardd/publish/json_publisher.h"

#include <exception>

namespace guard {
namespace {

FieldSet all_fields() {
  return FieldSet().set();
}

void add(JsonLine& line, const Counters& counters) {
  each_counter(counters,
               [&](std::string_view name, std::uint64_t value) { line.number(name, value); });
}

}  // namespace

template <typename Write>
void JsonPublisher::put(std::string_view type, Write write) noexcept {
  if (loses_next_ && loses_next_()) return;
  try {
    JsonLine line(type, charset_);
    write(line);
    sink_(std::move(line).finish());
  } catch (const std::exception&) {  // out of memory
    ++lost_;
  }
}

template <typename Write>
void JsonPublisher::put_now(std::string_view type, Write write) noexcept {
  put(type, [&](JsonLine& line) {
    line.time("time", clock_());
    if (!boot_id_.empty()) line.text("boot_id", boot_id_);
    write(line);
  });
}

void JsonPublisher::violation(const Violation& violation, const Incident& /*incident*/) noexcept {
  put("violation", [&](JsonLine& line) {
    each_field(violation, all_fields(),
               [&](std::string_view name, const FieldValue& value) { line.field(name, value); });
  });
}

void JsonPublisher::incident(const Incident& incident, std::string_view state) noexcept {
  put("incident", [&](JsonLine& line) {
    line.text("state", state);
    line.text("id", incident.id);
    line.number("count", incident.count);
    if (incident.unlisted > 0) line.number("unlisted", incident.unlisted);
    line.time("first_seen", incident.first_seen);
    line.time("last_seen", incident.last_seen);
    line.texts("sample", incident.sample);
    line.begin("totals");
    for (std::size_t i = 0; i < incident.by_outcome.size(); ++i)
      line.number(Words<Outcome>::kAll[i], incident.by_outcome[i]);
    line.end();
    line.ancestor("command", incident.command);
    each_field(incident.first, incident.shared,
               [&](std::string_view name, const FieldValue& value) { line.field(name, value); });
  });
}

void JsonPublisher::incident_opened(const Incident& opened) noexcept {
  incident(opened, "opened");
}

void JsonPublisher::incident_closed(const Incident& closed) noexcept {
  incident(closed, "closed");
}

void JsonPublisher::ready(const ReadyNews& news) noexcept {
  put_now("ready", [&](JsonLine& line) {
    line.text("version", news.version);
    line.text("backend", word(news.backend));
    line.number("generation", news.generation);
    line.text("policy_identity", news.policy_identity);
    line.number("policies", news.policies);
    line.number("trees", news.trees);
    line.number("pending", news.pending);
    line.number("directories", news.directories);
  });
}

void JsonPublisher::reload(const ReloadNews& news) noexcept {
  put_now("reload", [&](JsonLine& line) {
    line.boolean("done", news.done);
    line.number("generation", news.generation);
    line.text("policy_identity", news.policy_identity);
    line.number("policies", news.policies);
    line.texts("errors", news.errors);
  });
}

void JsonPublisher::health(const HealthNews& news) noexcept {
  put_now("health", [&](JsonLine& line) {
    line.text("health", word(news.health));
    if (!news.reason.empty()) line.text("health_reason", news.reason);
    add(line, news.counters);
  });
}

void JsonPublisher::manual_repair(const ManualRepairNews& news) noexcept {
  const bool is_undo = news.kind == ManualRepairNews::Kind::kUndo;
  put_now(is_undo ? "undo" : "fix", [&](JsonLine& line) {
    line.text("user", news.user);
    line.text(is_undo ? "incident" : "where", news.where);
    line.number(is_undo ? "restored" : "fixed", news.done);
    line.number("left", news.left);
  });
}

void JsonPublisher::excuse(const ExcuseNews& news) noexcept {
  put_now("excuse", [&](JsonLine& line) {
    line.text("state", news.is_over ? "over" : "begun");
    line.text("reason", news.reason);
    line.text("user", news.user);
    line.text("cmdline", news.command);
    line.number("pid", static_cast<std::uint64_t>(news.pid));
  });
}

void JsonPublisher::stop(const StopNews& news) noexcept {
  put_now("stop", [&](JsonLine& line) {
    line.text("reason", news.reason);
    add(line, news.counters);
  });
}

std::string JsonPublisher::loss_line(std::uint64_t lost, TimePoint now) {
  JsonLine line("health");
  line.time("time", now);
  line.text("health", word(Health::kDegraded));
  line.text("health_reason",
            std::to_string(lost) + " records were lost because this log was not read fast enough");
  line.number("lost_records", lost);
  return std::move(line).finish();
}

}  // namespace guard
