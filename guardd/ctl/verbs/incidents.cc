// incidents and show-incident.

#include "guardd/ctl/ask/connect.h"
#include "guardd/ctl/ask/filters.h"
#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/text/incident_text.h"
#include "guardd/ctl/verbs/verbs.h"

namespace guard::ctl {
namespace {

constexpr std::size_t kUsualLimit = 100;
constexpr std::size_t kMost = 1'000;  // that guardd returns at once

bus::Answer<int> incidents(const Options& options, const TypedFilter& asked) {
  auto filter = read_filter(asked);
  if (!filter) return kUsage;
  // One more, to know whether there are more.
  const auto limit = filter->limit.value_or(kUsualLimit);
  if (limit > 0) filter->limit = limit + 1;
  GUARD_TRY(auto daemon, reach_daemon(options));
  GUARD_TRY(auto found, daemon.list_incidents(*filter));
  const bool are_all = limit == 0 || (found.size() <= limit && found.size() < kMost);
  if (limit > 0 && found.size() > limit) found.resize(limit);
  return show_result(
      options, kDone, [&] { return json_records(found); },
      [&](const Terminal& terminal) { return incidents_text(terminal, found, are_all); });
}

bus::Answer<int> show_incident(const Options& options, const std::string& id) {
  if (id.empty()) return misused("ID is empty", "show-incident");
  GUARD_TRY(auto daemon, reach_daemon(options));
  GUARD_TRY(const auto incident, daemon.get_incident(id));
  return show_result(
      options, kDone, [&] { return json_record(incident); },
      [&](const Terminal& terminal) { return incident_text(terminal, incident); });
}

}  // namespace

Run incidents_verb(Arguments& arguments) {
  auto asked = std::make_shared<TypedFilter>();
  asked->declare(arguments);
  return [asked](const Options& options) { return status_of(incidents(options, *asked)); };
}

Run show_incident_verb(Arguments& arguments) {
  auto id = std::make_shared<std::string>();
  arguments.required("id", *id);
  return [id](const Options& options) { return status_of(show_incident(options, *id)); };
}

}  // namespace guard::ctl
