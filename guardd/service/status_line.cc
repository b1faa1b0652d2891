#include "guardd/service/status_line.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

#include "guardd/host/terminal_text.h"
#include "guardd/publish/advice.h"
#include "guardd/publish/phrases.h"
#include "policy/base/text.h"

namespace guard {
namespace {

// So that the whole line fits on a wide terminal.
constexpr std::size_t kReasonColumns = 200;
constexpr std::size_t kWhoColumns = 60;

std::string attention_text(const StatusFacts& facts) {
  if (facts.disabled) return "Enforces nothing: " + printable(*facts.disabled) + ". ";
  std::string text;
  if (!facts.shortcomings.empty()) {
    text = "Degraded: " + shortened(printable(facts.shortcomings.front()), kReasonColumns);
    if (const auto more = facts.shortcomings.size() - 1; more > 0)
      text += " (and " + grouped(more) + " more)";
    text += ". ";
  }
  if (!facts.paused.empty()) {
    std::string names;
    for (const auto& name : facts.paused) names += (names.empty() ? "" : ", ") + escaped(name);
    text += "Paused: " + shortened(names, kReasonColumns) + ". ";
  }
  return text;
}

std::string guarded_text(const StatusFacts& facts) {
  auto text = fmt::format("{} in {} through {}", counted(facts.policies, "policy", "policies"),
                          counted(facts.trees, "tree", "trees"), word(facts.backend));
  if (facts.visiting > 0)
    text += fmt::format(", {} directories of {} met so far", grouped(facts.met),
                        counted(facts.visiting, "tree", "trees"));
  if (facts.pending > 0) text += ", " + grouped(facts.pending) + " not there yet";
  return text;
}

std::string incident_text(const LastIncident& last) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(last.start);
  auto text = fmt::format("last incident {:%Y-%m-%d %H:%M:%S} UTC: {} in {}", seconds, last.who,
                          last.policy);
  return text + (last.totals.empty() ? ", ongoing" : ", " + last.totals);
}

}  // namespace

LastIncident last_incident(const Incident& incident, bool is_over) {
  auto who = who_text(incident.first);
  if (const auto what = command_text(incident.command); !what.empty())
    who += " (" + shortened(what, kWhoColumns) + ')';
  return {incident.first_seen, std::move(who), escaped(incident.first.policy),
          is_over ? totals_text(Colours(), incident) : ""};
}

std::string status_line(const StatusFacts& facts, const std::optional<LastIncident>& last) {
  if (facts.policies == 0) return attention_text(facts) + std::string(kNothingGuarded);
  auto text = attention_text(facts) + guarded_text(facts);
  return text + "; " + (last ? incident_text(*last) : "no incident since the start");
}

}  // namespace guard
