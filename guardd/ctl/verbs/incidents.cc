// incidents and show-incident.

#include <optional>

#include "guardd/ctl/ask/connect.h"
#include "guardd/ctl/ask/filters.h"
#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/text/incident_text.h"
#include "guardd/ctl/verbs/verbs.h"

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

// Nothing after printing an error.
std::optional<bus::IncidentQuery> filter_of(const IncidentOptions& asked) {
  bus::IncidentQuery filter;
  std::optional<Severity> severity;
  if (!read_filter(asked.since, filter.since) || !read_filter(asked.until, filter.until) ||
      !read_filter(asked.severity, severity))
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

Run incidents_verb(Arguments& arguments) {
  auto asked = std::make_shared<IncidentOptions>();
  arguments.option("--since", asked->since);
  arguments.option("--until", asked->until);
  arguments.option("--policy", asked->policy);
  arguments.option("--login", asked->login);
  arguments.option("--severity", asked->severity);
  arguments.option("--limit", asked->limit);
  return [asked](const Options& options) { return incidents(options, *asked); };
}

Run show_incident_verb(Arguments& arguments) {
  auto id = std::make_shared<std::string>();
  arguments.required("id", *id);
  return [id](const Options& options) { return show_incident(options, *id); };
}

}  // namespace guard::ctl
