#include "policy/load/read_policy.h"

#include <algorithm>
#include <string>

#include "policy/load/table_reader.h"

namespace guard {
namespace {

DraftRule read_rule(const toml::table& table, std::uint32_t file, Diagnostics& diagnostics) {
  TableReader reader(table, "[[policy.rule]]", file, diagnostics);
  DraftRule rule;
  rule.place = reader.place();
  rule.match = reader.texts("match");
  rule.owner = reader.principal("owner");
  rule.group = reader.principal("group");
  rule.file_mode = reader.mode("file_mode");
  rule.dir_mode = reader.mode("dir_mode");
  rule.action = reader.choice<Action>("action");
  reader.require("match", "match = [\"conf/*.key\"]");
  reader.finish();
  return rule;
}

DraftAllow read_allow(const toml::table& table, std::uint32_t file, Diagnostics& diagnostics) {
  TableReader reader(table, "[[policy.allow]]", file, diagnostics);
  DraftAllow allow;
  allow.place = reader.place();
  allow.exe = reader.text("exe");
  allow.unit = reader.text("unit");
  allow.container = reader.text("container");
  allow.image = reader.text("image");
  allow.user = reader.principal("user");
  allow.group = reader.principal("group");
  allow.login = reader.principal("login");
  allow.label = reader.choice<Label>("label");
  take(allow.children, reader.boolean("children"));
  take(allow.effect, reader.choice<Effect>("effect"));
  reader.finish();
  return allow;
}

DraftPolicy read_policy(const toml::table& table, std::uint32_t file, Diagnostics& diagnostics) {
  TableReader reader(table, "[[policy]]", file, diagnostics);
  DraftPolicy policy;
  policy.place = reader.place();
  take(policy.name, reader.text("name"));
  policy.paths = reader.texts("paths");
  policy.owner = reader.principal("owner");
  policy.group = reader.principal("group");
  take(policy.action, reader.choice<Action>("action"));
  take(policy.guards, reader.choices<Guard>("guard"));
  policy.file_mode = reader.mode("file_mode");
  policy.dir_mode = reader.mode("dir_mode");
  take(policy.settle, reader.duration("settle"));
  take(policy.fix_at, reader.choice<FixAt>("fix_at"));
  policy.exclude = reader.texts("exclude");
  take(policy.severity, reader.choice<Severity>("severity"));
  take(policy.category, reader.text("category"));
  take(policy.tell, reader.boolean("tell"));
  take(policy.only, reader.choice<Only>("only"));
  take(policy.strict, reader.boolean("strict"));
  take(policy.force, reader.boolean("force"));
  for (const auto* rule : reader.tables("rule"))
    policy.rules.push_back(read_rule(*rule, file, diagnostics));
  for (const auto* allow : reader.tables("allow"))
    policy.allows.push_back(read_allow(*allow, file, diagnostics));
  reader.require("name", "name = \"shop\"");
  reader.require("paths", "paths = [\"/srv/shop\"]");
  reader.require("owner", "owner = \"shop\"");
  reader.reject_empty("guard", "guard = [\"ownership\"], or action = \"off\" to guard nothing");
  reader.finish();
  return policy;
}

}  // namespace

std::vector<DraftPolicy> read_policies(std::string_view text, std::uint32_t file,
                                       Diagnostics& diagnostics) {
  std::vector<DraftPolicy> policies;
  try {
    const auto document = toml::parse(text);
    TableReader reader(document, "", file, diagnostics);
    for (const auto* table : reader.tables("policy"))
      policies.push_back(read_policy(*table, file, diagnostics));
    reader.finish();
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    diagnostics.error({file, std::max(at.line, 1U), std::max(at.column, 1U)},
                      "invalid TOML: " + std::string(error.description()));
  }
  return policies;
}

}  // namespace guard
