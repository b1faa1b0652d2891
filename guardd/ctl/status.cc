// status and metrics: how guardd is, and what it does for each policy; for people and for
// Prometheus.

#include <CLI/CLI.hpp>

#include "dbus/metrics.h"
#include "guardd/ctl/daemon.h"
#include "guardd/ctl/json.h"
#include "guardd/ctl/loaded.h"
#include "guardd/ctl/moment.h"
#include "guardd/ctl/verbs.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

using bus::Facts;
using bus::PolicyFacts;

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

Json status_json(const Facts& status, const std::vector<PolicyFacts>& policies) {
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
  return json;
}

// What guardd says, shown as `show` wants it; its status is that of `code`.
template <typename ShowText, typename Code>
int show_daemon(const Options& options, ShowText show_text, Code code) {
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  const auto now = daemon->status();
  if (!now) return fail(now.error());
  const auto policies = daemon->policies();
  if (!policies) return fail(policies.error());
  const auto terminal = Terminal::detect(options.pager);
  const bool is_shown = options.json    ? show_json(terminal, status_json(*now, *policies))
                        : options.quiet ? true
                                        : terminal.show(show_text(terminal, *now, *policies));
  return is_shown ? code(*now) : kFailed;
}

int status(const Options& options) {
  return show_daemon(
      options,
      [](const Terminal& terminal, const Facts& now, const std::vector<PolicyFacts>& policies) {
        return daemon_text(terminal, now) + policies_text(terminal, policies);
      },
      // A pause is wanted; the rest is to be looked after.
      [](const Facts& now) {
        return now.health == "ok" || now.health == "paused" ? kDone : kFailed;
      });
}

int metrics(const Options& options) {
  return show_daemon(
      options,
      [](const Terminal& /*terminal*/, const Facts& now, const std::vector<PolicyFacts>& policies) {
        return bus::open_metrics(now, policies);
      },
      [](const Facts& /*now*/) { return kDone; });
}

}  // namespace

Run status_verb(CLI::App& /*app*/) {
  return status;
}

Run metrics_verb(CLI::App& /*app*/) {
  return metrics;
}

}  // namespace guard::ctl
