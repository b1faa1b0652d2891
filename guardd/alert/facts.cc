#include "guardd/alert/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "guardd/host/terminal_text.h"
#include "guardd/publish/advice.h"
#include "guardd/publish/json_line.h"
#include "guardd/publish/sentences.h"
#include "policy/base/overloaded.h"
#include "policy/base/text.h"
#include "policy/record/fields.h"

namespace guard {
namespace {

constexpr std::size_t kMostSample = 5;

// As systemd reads it: within double quotes, a backslash makes these four characters ordinary.
void add_assignment(std::string& text, std::string_view name, std::string_view value) {
  text += "GUARD_";
  for (const char c : name) text += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  text += "=\"";
  for (const char c : value) {
    if (std::string_view("\"\\`$").find(c) != std::string_view::npos) text += '\\';
    text += c;
  }
  text += "\"\n";
}

void add_field(AlertFacts& facts, std::string_view name, const FieldValue& value) {
  std::visit(
      Overloaded{[&](std::uint64_t number) { facts.number(name, number); },
                 [&](TextValue text) { facts.text(name, text.text); },
                 [&](PathValue path) { facts.text(name, path.bytes); },
                 [&](Mode mode) { facts.text(name, fmt::format("{:04o}", mode.value)); },
                 [&](TimePoint time) { facts.text(name, rfc3339(time)); },
                 // The ancestors are in the audit trail.
                 [](std::monostate) {}, [](LineageValue) {}, [](ProcessValue) {}, [](ListValue) {}},
      value);
}

AlertFacts begin_facts(const AlertReason& reason, std::string message) {
  AlertFacts facts;
  if (reason.more > 0)
    message += "; and " + counted(reason.more, "more incident", "more incidents") +
               " since the last alert";
  facts.text("alert", reason.alert);
  facts.text("when", reason.when);
  facts.text("host", reason.host);
  facts.text("time", rfc3339(reason.time));
  facts.sentence("message", message);
  facts.number("more", reason.more);
  return facts;
}

std::string name_or(const std::string& name, std::uint32_t number) {
  return name.empty() ? std::to_string(number) : name;
}

}  // namespace

void AlertFacts::add(std::string_view name, std::string value, bool is_number) {
  if (value.empty()) return;
  std::string_view shown = value;
  if (cut_text(shown, kLongestValue)) value = std::string(shown) + "…";
  const auto same = std::find_if(facts_.begin(), facts_.end(),
                                 [&](const auto& each) { return each.name == name; });
  if (same == facts_.end()) facts_.push_back({std::string(name), std::move(value), is_number});
}

void AlertFacts::text(std::string_view name, std::string_view value) {
  // What is cut later is not escaped first.
  add(name, escaped(value.substr(0, kLongestValue + 4)), false);
}

void AlertFacts::sentence(std::string_view name, std::string_view value) {
  add(name, printable(value), false);
}

void AlertFacts::number(std::string_view name, std::uint64_t value) {
  add(name, std::to_string(value), true);
}

std::string AlertFacts::environment() const {
  std::string text;
  for (const auto& each : facts_) add_assignment(text, each.name, each.value);
  add_assignment(text, "json", json());
  return text;
}

std::string AlertFacts::json() const {
  JsonLine line("alert");
  for (const auto& each : facts_) {
    const auto number = each.is_number ? parse_number<std::uint64_t>(each.value) : std::nullopt;
    if (number)
      line.number(each.name, *number);
    else
      line.text(each.name, each.value);
  }
  auto text = std::move(line).finish();
  text.pop_back();  // the newline
  return text;
}

AlertFacts facts_of(const AlertReason& reason, const Incident& incident) {
  auto facts = begin_facts(reason, closed_sentence(incident));
  const auto& first = incident.first;
  facts.text("incident", incident.id);
  facts.number("count", incident.count);
  facts.text("first_seen", rfc3339(incident.first_seen));
  facts.text("last_seen", rfc3339(incident.last_seen));
  for (std::size_t i = 0; i < incident.by_outcome.size(); ++i)
    facts.number("totals_" + std::string(Words<Outcome>::kAll[i]), incident.by_outcome[i]);
  for (std::size_t i = 0; i < std::min(incident.sample.size(), kMostSample); ++i)
    facts.text("sample_" + std::to_string(i + 1), incident.sample[i]);
  facts.text("owner", name_or(first.owner_wanted, first.uid_wanted.value));
  facts.text("group", name_or(first.group_wanted, first.gid_wanted.value));
  facts.sentence("who", who_text(first));
  facts.sentence("command", command_text(incident.command));
  facts.sentence("advice", advice_for(incident).text());
  each_field(first, incident.shared, [&](std::string_view name, const FieldValue& value) {
    add_field(facts, name, value);
  });
  return facts;
}

AlertFacts facts_of(const AlertReason& reason, Health health,
                    const std::vector<std::string>& health_reasons) {
  std::string message = "guardd is " + std::string(word(health));
  std::string all;
  for (const auto& each : health_reasons) all += (all.empty() ? "" : "; ") + printable(each);
  if (!all.empty()) message += ": " + all;
  auto facts = begin_facts(reason, std::move(message));
  facts.text("health", word(health));
  facts.sentence("health_reason", all);
  return facts;
}

}  // namespace guard
