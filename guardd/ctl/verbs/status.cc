// status and metrics: how guardd is, and what it does for each policy; for people and for
// Prometheus.

#include "dbus/metrics.h"
#include "guardd/ctl/ask/connect.h"
#include "guardd/ctl/ask/moment.h"
#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/text/incident_text.h"
#include "guardd/ctl/verbs/verbs.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

using bus::Facts;
using bus::PolicyFacts;

constexpr std::uint32_t kIncidents = 3;

struct Standing {
  Facts now;
  std::vector<PolicyFacts> policies;
  std::vector<bus::Map> incidents;  // the last few
};

Tone tone_of(const std::string& health) {
  if (health == "ok" || health == "active") return Tone::kGood;
  return health == "paused" || health == "pending" ? Tone::kOdd : Tone::kBad;
}

std::string until_text(std::uint64_t microseconds) {
  return format_moment(
      std::chrono::system_clock::time_point(std::chrono::microseconds(microseconds)));
}

std::string counts_text(const Facts& counts) {
  return counted(counts.violations, "violation", "violations") + ", " + grouped(counts.denied) +
         " denied, " + grouped(counts.fixed) + " fixed";
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
  return text;
}

// What is to be known of a policy beyond its line.
std::string notes_of(const PolicyFacts& policy) {
  std::string text;
  const auto add = [&](const std::string& note) {
    if (!note.empty()) text += "  - " + wrapped(printable(note), 4) + '\n';
  };
  if (policy.paused_until != 0) {
    auto note = "paused until " + until_text(policy.paused_until);
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
  if (policies.empty()) return "\nNo policies, so nothing is guarded.\n";
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

std::string status_text(const Terminal& terminal, const Standing& standing) {
  auto text = daemon_text(terminal, standing.now) + policies_text(terminal, standing.policies);
  if (!standing.incidents.empty())
    text += "\nLast incidents:\n" + incidents_text(terminal, standing.incidents);
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

Json status_json(const Standing& standing) {
  const auto& [status, policies, incidents] = standing;
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
  json["policies"] = Json::array();
  for (const auto& policy : policies) json["policies"].push_back(policy_json(policy));
  json["last_incidents"] = Json::array();
  for (const auto& incident : incidents) json["last_incidents"].push_back(json_record(incident));
  return json;
}

bus::Answer<Standing> ask(bus::Client& daemon, bool with_incidents) {
  GUARD_TRY(auto now, daemon.status());
  GUARD_TRY(auto policies, daemon.policies());
  Standing standing{std::move(now), std::move(policies), {}};
  if (!with_incidents) return standing;
  bus::IncidentQuery last;
  last.limit = kIncidents;
  // Without a trail there are none; what is wrong with it is said by the health.
  if (auto incidents = daemon.list_incidents(last)) standing.incidents = *std::move(incidents);
  return standing;
}

int status(const Options& options) {
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  const auto standing = ask(*daemon, options.json || !options.quiet);
  if (!standing) return fail(standing.error());
  const auto& health = standing->now.health;
  // A pause is wanted; the rest is to be looked after.
  const int code = health == "ok" || health == "paused" ? kDone : kFailed;
  const auto terminal = Terminal::detect(options.pager);
  if (options.json) return show_json(terminal, status_json(*standing)) ? code : kFailed;
  if (options.quiet) return code;
  return terminal.show(status_text(terminal, *standing)) ? code : kFailed;
}

int metrics(const Options& options) {
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  const auto standing = ask(*daemon, options.json);
  if (!standing) return fail(standing.error());
  const auto terminal = Terminal::detect(options.pager);
  if (options.json) return show_json(terminal, status_json(*standing)) ? kDone : kFailed;
  if (options.quiet) return kDone;
  return terminal.show(bus::open_metrics(standing->now, standing->policies)) ? kDone : kFailed;
}

}  // namespace

Run status_verb(Arguments& /*arguments*/) {
  return status;
}

Run metrics_verb(Arguments& /*arguments*/) {
  return metrics;
}

}  // namespace guard::ctl
