// watch: shows incidents as they happen.

#include <algorithm>
#include <chrono>

#include "guardd/ctl/ask/connect.h"
#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/screen/interrupt.h"
#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/screen/live_blocks.h"
#include "guardd/ctl/screen/output.h"
#include "guardd/ctl/text/incident_text.h"
#include "guardd/ctl/verbs/verbs.h"

namespace guard::ctl {
namespace {

using What = bus::Event::Kind;

// A signal does not say who did it: a caller who may know asks for the incident. The fields of the
// signal are newer.
bus::Map full_record(bus::Client& daemon, const bus::Event& event) {
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

// The format of guardd --log json.
std::string line_of(const bus::Event& event, const bus::Map& record) {
  Json json;
  json["type"] = "incident";
  json["state"] = event.kind == What::kIncidentOpened ? "opened" : "closed";
  json["id"] = event.id;
  put_record(json, record);
  return json_line(json);
}

// Shows events on a terminal: one block per incident, redrawn in place until the incident ends.
class IncidentBlocks {
 public:
  IncidentBlocks(bus::Client& daemon, const Terminal& terminal)
      : daemon_(daemon), terminal_(terminal) {}

  std::string after(const bus::Event& event) {
    if (event.kind == What::kIncidentOpened) {
      live_.set(event.id, text(full_record(daemon_, event)));
    } else if (event.kind == What::kIncidentClosed) {
      live_.settle(event.id, text(full_record(daemon_, event)));
    } else if (const auto* id = bus::find<std::string>(event.record, "incident")) {
      refresh(*id);
    }
    return live_.draw(std::max<std::size_t>(screen_rows(), kFewestRows));
  }

 private:
  static constexpr std::size_t kFewestRows = 10;
  static constexpr auto kRefreshEvery = std::chrono::milliseconds(200);

  // Asks guardd for the number of violations: not every violation has a signal of its own.
  void refresh(const std::string& id) {
    const auto now = std::chrono::steady_clock::now();
    if (!live_.has(id) || now - refreshed_ < kRefreshEvery) return;
    refreshed_ = now;
    if (const auto incident = daemon_.get_incident(id)) live_.set(id, text(*incident));
  }

  std::string text(const bus::Map& incident) const {
    return incident_text(terminal_, incident) + '\n';
  }

  bus::Client& daemon_;
  const Terminal& terminal_;
  LiveBlocks live_;
  std::chrono::steady_clock::time_point refreshed_;
};

bool concerns(const bus::Event& event, const std::string& policy) {
  const auto* violated = bus::find<std::string>(event.record, "policy");
  return policy.empty() || (violated && *violated == policy);
}

int watch(const Options& options, const std::string& policy) {
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  const auto stop = stop_requests();
  if (!stop) return fail(stop.error());
  const auto terminal = Terminal::detect(options.pager);
  const bool in_place = terminal.is_terminal() && !options.json;
  IncidentBlocks blocks(*daemon, terminal);
  Output output;
  const auto show = [&](const bus::Event& event) {
    const bool is_incident =
        event.kind == What::kIncidentOpened || event.kind == What::kIncidentClosed;
    const bool is_wanted = is_incident || (in_place && event.kind == What::kViolation);
    if (!is_wanted || !concerns(event, policy)) return true;
    const auto text = in_place ? blocks.after(event) : line_of(event, full_record(*daemon, event));
    return output.put(text) && output.flush();
  };
  const auto watched = daemon->watch(show, stop->get());
  if (!watched) return fail(watched.error());
  if (output.error() != 0)
    return fail(Error::from_errno(output.error(), "standard output cannot be written"));
  return kDone;
}

}  // namespace

Run watch_verb(Arguments& arguments) {
  auto policy = std::make_shared<std::string>();
  arguments.option("--policy", *policy);
  return [policy](const Options& options) { return watch(options, *policy); };
}

}  // namespace guard::ctl
