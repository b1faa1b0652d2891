// incidents and show-incident.

#include <optional>

#include <CLI/CLI.hpp>

#include "guardd/ctl/asked.h"
#include "guardd/ctl/daemon.h"
#include "guardd/ctl/incident_text.h"
#include "guardd/ctl/json.h"
#include "guardd/ctl/loaded.h"
#include "guardd/ctl/verbs.h"

namespace guard::ctl {
namespace {

struct IncidentOptions {
  std::string since;
  std::string until;
  std::string policy;
  std::string login;
  std::string severity;
  std::optional<std::uint32_t> limit;
};

// Nothing: it was complained about.
std::optional<bus::IncidentQuery> filter_of(const IncidentOptions& asked) {
  bus::IncidentQuery filter;
  std::optional<Severity> severity;
  if (!understood(asked.since, filter.since) || !understood(asked.until, filter.until) ||
      !understood(asked.severity, severity))
    return std::nullopt;
  filter.policy = asked.policy;
  filter.login = asked.login;
  filter.severity = asked.severity;
  filter.limit = asked.limit;
  return filter;
}

int incidents(const Options& options, const IncidentOptions& asked) {
  const auto filter = filter_of(asked);
  if (!filter) return kUsage;
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  const auto found = daemon->list_incidents(*filter);
  if (!found) return fail(found.error());
  const auto terminal = Terminal::detect(options.pager);
  if (options.json) {
    auto json = Json::array();
    for (const auto& incident : *found) json.push_back(json_record(incident));
    return show_json(terminal, json) ? kDone : kFailed;
  }
  if (options.quiet) return kDone;
  return terminal.show(incidents_text(terminal, *found)) ? kDone : kFailed;
}

int show_incident(const Options& options, const std::string& id) {
  if (id.empty()) return misused("ID is empty", "show-incident");
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  const auto incident = daemon->get_incident(id);
  if (!incident) return fail(incident.error());
  const auto terminal = Terminal::detect(options.pager);
  if (options.json) return show_json(terminal, json_record(*incident)) ? kDone : kFailed;
  if (options.quiet) return kDone;
  return terminal.show(incident_text(terminal, *incident)) ? kDone : kFailed;
}

}  // namespace

Run incidents_verb(CLI::App& app) {
  auto asked = std::make_shared<IncidentOptions>();
  app.add_option("--since", asked->since);
  app.add_option("--until", asked->until);
  app.add_option("--policy", asked->policy);
  app.add_option("--login", asked->login);
  app.add_option("--severity", asked->severity);
  app.add_option("--limit", asked->limit);
  return [asked](const Options& options) { return incidents(options, *asked); };
}

Run show_incident_verb(CLI::App& app) {
  auto id = std::make_shared<std::string>();
  app.add_option("id", *id)->required();
  return [id](const Options& options) { return show_incident(options, *id); };
}

}  // namespace guard::ctl
