// status and metrics: the health of guardd and of each policy, for people and for Prometheus.

#include "dbus/metrics.h"
#include "guardd/ctl/ask/connect.h"
#include "guardd/ctl/ask/moment.h"
#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/text/incident_text.h"
#include "guardd/ctl/verbs/verbs.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

using bus::Facts;
using bus::PolicyFacts;

constexpr std::uint32_t kIncidents = 3;

struct Snapshot {
  Facts daemon;
  std::vector<PolicyFacts> policies;
  std::vector<bus::Map> incidents;  // the latest few
};

Tone tone_of(const std::string& health) {
  if (health == "ok" || health == "active") return Tone::kGood;
  return health == "paused" || health == "pending" ? Tone::kOdd : Tone::kBad;
}

std::string moment_text(std::uint64_t microseconds) {
  return format_moment(
      std::chrono::system_clock::time_point(std::chrono::microseconds(microseconds)));
}

std::string counts_text(const Facts& counts) {
  return counted(counts.violations, "violation", "violations") + ", " + grouped(counts.denied) +
         " denied, " + grouped(counts.fixed) + " fixed";
}

// "skipped: started 3 times, last on 2026-11-20 14:03:07; 17 incidents held back"
std::string alert_text(const bus::AlertState& alert) {
  auto text = alert.name + ": ";
  if (alert.starts == 0) return text + "not started";
  text += "started " + counted(alert.starts, "time", "times") + ", last on " +
          moment_text(alert.last_start);
  if (alert.held_back > 0)
    text += "; " + counted(alert.held_back, "incident", "incidents") + " held back";
  return text;
}

std::string daemon_text(const Terminal& terminal, const Facts& status) {
  constexpr std::size_t kIndent = 15;
  std::string text = "guardd " + printable(status.version) + ": " +
                     terminal.paint(tone_of(status.health), printable(status.health)) + '\n';
  const auto add = [&](std::string_view name, const std::string& what) {
    std::string lead = "  " + std::string(name);
    lead.resize(kIndent, ' ');
    if (!what.empty()) text += lead + wrapped(printable(what), kIndent) + '\n';
  };
  add("because", status.health_reason);
  add("backend",
      status.backend + (status.backend_reason.empty() ? "" : ": " + status.backend_reason));
  add("generation", std::to_string(status.generation));
  add("since start",
      counts_text(status) + ", " +
          (status.lost == 0 ? "no event lost" : counted(status.lost, "event", "events") + " lost"));
  for (const auto& alert : status.alerts) add("alert", alert_text(alert));
  return text;
}

// Details of a policy that do not fit in its table row.
std::string notes_of(const PolicyFacts& policy) {
  std::string text;
  const auto add = [&](const std::string& note) {
    if (!note.empty()) text += "  - " + wrapped(printable(note), 4) + '\n';
  };
  if (policy.paused_until != 0) {
    auto note = "paused until " + moment_text(policy.paused_until);
    if (!policy.paused_by.empty()) note += " by " + policy.paused_by;
    if (!policy.pause_reason.empty()) note += ": " + policy.pause_reason;
    add(note);
  } else {
    add(policy.state_reason);
  }
  for (const auto& difference : policy.differences) add(difference);
  return text.empty() ? text : '\n' + printable(policy.name) + '\n' + text;
}

std::string policies_text(const Terminal& terminal, const std::vector<PolicyFacts>& policies) {
  if (policies.empty())
    return "\nNo policies, so nothing is guarded. guardctl suggest proposes policies.\n";
  Table table({"POLICY", "WANTED", "GETS", "STATE", "VIOLATIONS", "TREES"});
  std::string notes;
  for (const auto& policy : policies) {
    std::string trees;
    for (const auto& path : policy.paths) trees += (trees.empty() ? "" : "\n") + printable(path);
    const bool less = policy.action != policy.effective_action;
    table.add({{printable(policy.name)},
               {printable(policy.action)},
               {printable(policy.effective_action), less ? Tone::kOdd : Tone::kGood},
               {printable(policy.state), tone_of(policy.state)},
               {grouped(policy.violations)},
               {trees}});
    notes += notes_of(policy);
  }
  return '\n' + table.text(terminal) + notes;
}

std::string status_text(const Terminal& terminal, const Snapshot& snapshot) {
  auto text = daemon_text(terminal, snapshot.daemon) + policies_text(terminal, snapshot.policies);
  if (!snapshot.incidents.empty())
    text += "\nLast incidents:\n" + incidents_text(terminal, snapshot.incidents, true);
  return text;
}

template <typename Those>
void put_counts(Json& json, const Those& counts) {
  json["violations"] = counts.violations;
  json["denied"] = counts.denied;
  json["fixed"] = counts.fixed;
}

Json policy_json(const PolicyFacts& policy) {
  Json json;
  json["name"] = policy.name;
  json["paths"] = policy.paths;
  json["owner"] = policy.owner;
  json["group"] = policy.group;
  json["action"] = policy.action;
  json["effective_action"] = policy.effective_action;
  json["differences"] = policy.differences;
  json["state"] = policy.state;
  json["state_reason"] = policy.state_reason;
  json["guards"] = policy.guards;
  json["severity"] = policy.severity;
  json["category"] = policy.category;
  json["policy_file"] = policy.file;
  json["policy_line"] = policy.line;
  put_counts(json, policy);
  if (policy.paused_until != 0) {
    json["paused_until"] = policy.paused_until;
    json["paused_by"] = policy.paused_by;
    json["pause_reason"] = policy.pause_reason;
  }
  return json;
}

Json alert_json(const bus::AlertState& alert) {
  Json json;
  json["name"] = alert.name;
  json["when"] = alert.when;
  json["starts"] = alert.starts;
  json["held_back"] = alert.held_back;
  if (alert.last_start != 0) json["last_start"] = alert.last_start;
  return json;
}

Json status_json(const Snapshot& snapshot) {
  const auto& [status, policies, incidents] = snapshot;
  Json json;
  json["version"] = status.version;
  json["health"] = status.health;
  json["health_reason"] = status.health_reason;
  json["backend"] = status.backend;
  json["backend_reason"] = status.backend_reason;
  json["generation"] = status.generation;
  json["policy_identity"] = status.policy_identity;
  put_counts(json, status);
  json["lost"] = status.lost;
  json["alerts"] = json_list(status.alerts, alert_json);
  json["policies"] = json_list(policies, policy_json);
  json["last_incidents"] = json_records(incidents);
  return json;
}

bus::Answer<Snapshot> ask(const Options& options, bool with_incidents) {
  GUARD_TRY(auto daemon, reach_daemon(options));
  GUARD_TRY(auto facts, daemon.status());
  GUARD_TRY(auto policies, daemon.policies());
  Snapshot snapshot{std::move(facts), std::move(policies), {}};
  if (!with_incidents) return snapshot;
  RecordFilter last;
  last.limit = kIncidents;
  // Without an audit trail there are none; the health reports why.
  if (auto incidents = daemon.list_incidents(last)) snapshot.incidents = *std::move(incidents);
  return snapshot;
}

bus::Answer<int> status(const Options& options) {
  GUARD_TRY(const auto snapshot, ask(options, options.json || !options.quiet));
  const auto& health = snapshot.daemon.health;
  // A pause is intended; every other state needs attention.
  return show_result(
      options, health == "ok" || health == "paused" ? kDone : kFailed,
      [&] { return status_json(snapshot); },
      [&](const Terminal& terminal) { return status_text(terminal, snapshot); });
}

bus::Answer<int> metrics(const Options& options) {
  GUARD_TRY(const auto snapshot, ask(options, options.json));
  return show_result(
      options, kDone, [&] { return status_json(snapshot); },
      [&](const Terminal& /*terminal*/) {
        return bus::open_metrics(snapshot.daemon, snapshot.policies);
      });
}

}  // namespace

Run status_verb(Arguments& /*arguments*/) {
  return [](const Options& options) { return status_of(status(options)); };
}

Run metrics_verb(Arguments& /*arguments*/) {
  return [](const Options& options) { return status_of(metrics(options)); };
}

}  // namespace guard::ctl
