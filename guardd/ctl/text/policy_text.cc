#include "guardd/ctl/text/policy_text.h"

#include <fmt/format.h>

#include <vector>

#include "guardd/ctl/ask/policies.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

// One key with its value, as text and as JSON, and its origin: a place in a file, or another key.
struct Entry {
  std::string key;
  std::string text;
  Json json;
  Place place;
  std::string origin;  // empty: the place, or else "default"
};

template <typename Number>
std::string known_text(const NamedId<Number>& known) {
  const auto number = std::to_string(known.id.value);
  return known.name == number ? number : escaped(known.name) + " (" + number + ")";
}

std::string yes_no(bool value) {
  return value ? "true" : "false";
}

template <typename T>
Place place_of(const Optional<T>& said) {
  return said ? said->place : Place{};
}

Entry texts_entry(std::string key, const std::vector<Setting<std::string>>& texts) {
  Entry entry{std::move(key), "", Json::array(), texts.empty() ? Place{} : texts.front().place, ""};
  for (const auto& text : texts) {
    entry.text += (entry.text.empty() ? "" : "\n") + quote(text.value);
    entry.json.push_back(text.value);
  }
  if (texts.empty()) entry.text = "none";
  return entry;
}

Entry mode_entry(std::string key, const std::optional<Mode>& mode, Place place) {
  return {std::move(key), mode ? octal(*mode) : "any", mode ? Json(octal(*mode)) : Json(), place,
          ""};
}

template <typename E>
Entry word_entry(std::string key, const Setting<E>& setting) {
  const std::string text(word(setting.value));
  return {std::move(key), text, text, setting.place, ""};
}

Entry bool_entry(std::string key, const Setting<bool>& setting) {
  return {std::move(key), yes_no(setting.value), setting.value, setting.place, ""};
}

std::vector<Entry> policy_entries(const Policy& policy) {
  const auto& said = policy.said;
  const auto& wanted = policy.wanted;
  Entry guards{"guard", "", Json::array(), said.guards.place, ""};
  said.guards.value.each([&](Guard guard) {
    guards.text += (guards.text.empty() ? "" : ", ") + std::string(word(guard));
    guards.json.push_back(word(guard));
  });
  return {
      {"name", policy.name(), policy.name(), said.name.place, ""},
      texts_entry("paths", said.paths),
      {"owner", known_text(wanted.owner), wanted.owner.name, place_of(said.owner), ""},
      {"group", known_text(wanted.group), wanted.group.name, place_of(said.group),
       said.group ? "" : "the owner"},
      word_entry("action", said.action),
      std::move(guards),
      mode_entry("file_mode", wanted.file_mode, place_of(said.file_mode)),
      mode_entry("dir_mode", wanted.dir_mode, place_of(said.dir_mode)),
      {"settle", format_duration(said.settle.value), format_duration(said.settle.value),
       said.settle.place, ""},
      word_entry("fix_at", said.fix_at),
      texts_entry("exclude", said.exclude),
      word_entry("severity", said.severity),
      {"category", escaped(said.category.value), said.category.value, said.category.place, ""},
      bool_entry("tell", said.tell),
      word_entry("only", said.only),
      bool_entry("strict", said.strict),
  };
}

std::vector<Entry> rule_entries(const Rule& rule) {
  const auto& said = rule.said;
  const auto inherit = [](Entry entry) {
    if (!entry.place) entry.origin = "the policy";
    return entry;
  };
  return {
      texts_entry("match", said.match),
      inherit({"owner", known_text(rule.wanted.owner), rule.wanted.owner.name, place_of(said.owner),
               ""}),
      inherit({"group", known_text(rule.wanted.group), rule.wanted.group.name, place_of(said.group),
               ""}),
      inherit(mode_entry("file_mode", rule.wanted.file_mode, place_of(said.file_mode))),
      inherit(mode_entry("dir_mode", rule.wanted.dir_mode, place_of(said.dir_mode))),
      inherit(
          {"action", std::string(word(rule.action)), word(rule.action), place_of(said.action), ""}),
  };
}

std::vector<Entry> allow_entries(const Allow& allow) {
  const auto& said = allow.said;
  std::vector<Entry> entries;
  const auto add = [&](const char* key, const std::string& text, Place place) {
    entries.push_back({key, escaped(text), text, place, ""});
  };
  const auto add_principal = [&](const char* key, const Optional<Principal>& principal) {
    if (!principal) return;
    const auto* name = std::get_if<std::string>(&principal->value);
    add(key, name ? *name : std::to_string(std::get<std::uint32_t>(principal->value)),
        principal->place);
  };
  if (said.exe) add("exe", said.exe->value, said.exe->place);
  if (said.unit) add("unit", said.unit->value, said.unit->place);
  if (said.container) add("container", said.container->value, said.container->place);
  if (said.image) add("image", said.image->value, said.image->place);
  add_principal("user", said.user);
  add_principal("group", said.group);
  add_principal("login", said.login);
  if (said.label) add("label", std::string(word(said.label->value)), said.label->place);
  entries.push_back(bool_entry("children", said.children));
  entries.push_back(word_entry("effect", said.effect));
  return entries;
}

Json entries_json(const PolicySet& set, const std::vector<Entry>& entries) {
  Json json;
  for (const auto& entry : entries) {
    auto& value = json[entry.key];
    value["value"] = entry.json;
    value["from"] = !entry.origin.empty() && !entry.place ? entry.origin
                                                          : json_text(place_text(set, entry.place));
  }
  return json;
}

// A policy is in one file, which the heading names.
std::string short_origin(const Entry& entry) {
  if (entry.place) return "line " + std::to_string(entry.place.line);
  return entry.origin.empty() ? "default" : entry.origin;
}

void add_rows(Table& table, const std::vector<Entry>& entries, std::string_view prefix = "") {
  for (const auto& entry : entries) {
    table.add({{std::string(prefix) + entry.key},
               {short_origin(entry), Tone::kFaint},
               {entry.text, entry.place ? Tone::kStrong : Tone::kPlain}});
  }
}

}  // namespace

std::string policy_text(const Terminal& terminal, const PolicySet& set, const Policy& policy) {
  Table table({"KEY", "FROM", "VALUE"}, Table::Last::kBeside);
  add_rows(table, policy_entries(policy));
  for (std::size_t i = 0; i < policy.rules.size(); ++i)
    add_rows(table, rule_entries(policy.rules[i]), fmt::format("rule {}: ", i + 1));
  for (std::size_t i = 0; i < policy.allows.size(); ++i)
    add_rows(table, allow_entries(policy.allows[i]), fmt::format("allow {}: ", i + 1));
  return terminal.paint(Tone::kStrong, policy.name()) + ", " + place_text(set, policy.said.place) +
         "\n\n" + table.text(terminal);
}

Json policy_json(const PolicySet& set, const Policy& policy) {
  auto json = entries_json(set, policy_entries(policy));
  json["rules"] = json_list(
      policy.rules, [&](const Rule& rule) { return entries_json(set, rule_entries(rule)); });
  json["allows"] = json_list(
      policy.allows, [&](const Allow& allow) { return entries_json(set, allow_entries(allow)); });
  return json;
}

}  // namespace guard::ctl
