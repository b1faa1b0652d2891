// watch: incidents as they happen.

#include <algorithm>

#include <CLI/CLI.hpp>

#include "guardd/ctl/daemon.h"
#include "guardd/ctl/incident_text.h"
#include "guardd/ctl/interrupt.h"
#include "guardd/ctl/json.h"
#include "guardd/ctl/loaded.h"
#include "guardd/ctl/output.h"
#include "guardd/ctl/verbs.h"

namespace guard::ctl {
namespace {

using What = bus::Event::What;

// A signal says neither who nor how; whoever may know asks for it. What the signal says is newer.
bus::Map whole(bus::Client& daemon, const bus::Event& event) {
  auto known = daemon.get_incident(event.id);
  if (!known) return event.record;
  auto record = *std::move(known);
  for (const auto& field : event.record) {
    const auto old = std::find_if(record.begin(), record.end(),
                                  [&](const auto& entry) { return entry.name == field.name; });
    if (old == record.end())
      record.push_back(field);
    else
      old->value = field.value;
  }
  return record;
}

// As guardd --log json says it.
std::string line_of(const bus::Event& event, const bus::Map& record) {
  Json json;
  json["type"] = "incident";
  json["state"] = event.what == What::kIncidentOpened ? "opened" : "closed";
  json["id"] = event.id;
  json.update(json_record(record));
  return json_line(json);
}

std::string block_of(const Terminal& terminal, const bus::Event& event, const bus::Map& record) {
  if (event.what == What::kIncidentOpened) return incident_text(terminal, record) + '\n';
  // A single violation was told when it happened.
  const auto* count = bus::find<std::uint64_t>(record, "count");
  if (count && *count == 1) return {};
  return text_of(record, "policy") + "  in all " + outcome_text(terminal, record) + "  " +
         terminal.paint(Tone::kFaint, text_of(record, "id")) + "\n\n";
}

int watch(const Options& options, const std::string& policy) {
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  const auto stop = stop_requests();
  if (!stop) return fail(stop.error());
  const auto terminal = Terminal::detect(options.pager);
  const bool blocks = terminal.is_terminal() && !options.json;
  Output output;
  const auto tell = [&](const bus::Event& event) {
    if (event.what != What::kIncidentOpened && event.what != What::kIncidentClosed) return true;
    const auto* broken = bus::find<std::string>(event.record, "policy");
    if (!policy.empty() && (!broken || *broken != policy)) return true;
    const auto record = whole(*daemon, event);
    const auto text = blocks ? block_of(terminal, event, record) : line_of(event, record);
    return output.put(text) && output.flush();
  };
  const auto watched = daemon->watch(tell, stop->get());
  if (!watched) return fail(watched.error());
  if (output.error() != 0)
    return fail(Error::from_errno(output.error(), "standard output cannot be written"));
  return kDone;
}

}  // namespace

Run watch_verb(CLI::App& app) {
  auto policy = std::make_shared<std::string>();
  app.add_option("--policy", *policy);
  return [policy](const Options& options) { return watch(options, *policy); };
}

}  // namespace guard::ctl
