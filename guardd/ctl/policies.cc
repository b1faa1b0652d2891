// check, list and show.

#include <fmt/format.h>

#include <iostream>
#include <optional>

#include "guardd/ctl/backends.h"
#include "guardd/ctl/json.h"
#include "guardd/ctl/loaded.h"
#include "guardd/ctl/provenance.h"
#include "guardd/ctl/verbs.h"
#include "guardd/host/files.h"
#include "policy/base/text.h"
#include "policy/reach.h"

namespace guard::ctl {
namespace {

constexpr std::array kBackends{Backend::kLsm, Backend::kFanotify};

Tone tone_of(const EffectiveAction& effective) {
  return effective.got == effective.wanted ? Tone::kGood : Tone::kOdd;
}

EffectiveAction effective_here(const Policy& policy, Backend backend) {
  return effective_action(policy, backend, tree_limits(policy, SystemFiles()));
}

// "/srv/shop, /var/log/shop (not there yet)"
std::string trees_text(const Policy& policy) {
  std::string text;
  for (const auto& path : policy.said.paths) {
    const auto root = SystemFiles().look(path.value);
    if (!text.empty()) text += ", ";
    text += escaped(path.value);
    if (root && !*root) text += " (not there yet)";
  }
  return text;
}

std::string owner_text(const Wanted& wanted) {
  return escaped(wanted.owner.name) + ":" + escaped(wanted.group.name);
}

std::string what_differs(const Terminal& terminal, const PolicySet& set) {
  std::string out;
  for (const auto backend : kBackends) {
    for (const auto& policy : set.policies()) {
      for (const auto& difference : effective_here(policy, backend).differences) {
        if (out.empty())
          out += '\n' + terminal.paint(Tone::kStrong, "What a backend cannot do") + '\n';
        const auto lead = fmt::format("  {:<10}{}: ", word(backend), policy.name());
        out += lead + wrapped(printable(difference), 12, lead.size()) + '\n';
      }
    }
  }
  return out;
}

std::string check_text(const Terminal& terminal, const Loaded& loaded) {
  const auto& set = *loaded.set;
  if (set.policies().empty()) return "No policies found: nothing would be guarded.\n";
  Table table({"POLICY", "ACTION", "LSM", "FANOTIFY", "OWNER", "TREES"});
  for (const auto& policy : set.policies()) {
    std::vector<Table::Cell> row{{policy.name()}, {std::string(word(policy.action()))}};
    for (const auto backend : kBackends) {
      const auto effective = effective_here(policy, backend);
      row.push_back({std::string(word(effective.got)), tone_of(effective)});
    }
    row.push_back({owner_text(policy.wanted)});
    row.push_back({trees_text(policy)});
    table.add(std::move(row));
  }
  return fmt::format("{} in {}: {}.\n\n", counted(set.policies().size(), "policy", "policies"),
                     counted(set.files().size(), "file", "files"),
                     terminal.paint(Tone::kGood, "valid")) +
         table.text(terminal) + what_differs(terminal, set) + '\n' +
         backends_text(terminal, probe_backends());
}

Json effective_json(const Policy& policy) {
  Json json;
  for (const auto backend : kBackends) {
    const auto effective = effective_here(policy, backend);
    auto& entry = json[std::string(word(backend))];
    entry["action"] = word(effective.got);
    entry["differences"] = Json::array();
    for (const auto& difference : effective.differences)
      entry["differences"].push_back(json_text(difference));
  }
  return json;
}

Json summary_json(const PolicySet& set, const Policy& policy) {
  Json json;
  json["name"] = policy.name();
  json["policy_file"] = json_text(set.files()[policy.said.place.file]);
  json["policy_line"] = policy.said.place.line;
  json["paths"] = Json::array();
  for (const auto& path : policy.said.paths) json["paths"].push_back(path.value);
  json["owner"] = policy.wanted.owner.name;
  json["group"] = policy.wanted.group.name;
  json["uid_wanted"] = policy.wanted.owner.id.value;
  json["gid_wanted"] = policy.wanted.group.id.value;
  json["action"] = word(policy.action());
  json["effective_action"] = effective_json(policy);
  return json;
}

Json check_json(const Loaded& loaded) {
  Json json;
  json["valid"] = loaded.set != nullptr;
  json["errors"] = json_diagnostics(loaded.diagnostics, Diagnostic::Kind::kError);
  json["warnings"] = json_diagnostics(loaded.diagnostics, Diagnostic::Kind::kWarning);
  json["files"] = Json::array();
  for (const auto& file : loaded.diagnostics.files()) json["files"].push_back(json_text(file));
  if (!loaded.set) return json;
  json["identity"] = loaded.set->identity();
  json["policies"] = Json::array();
  for (const auto& policy : loaded.set->policies())
    json["policies"].push_back(summary_json(*loaded.set, policy));
  json["backends"] = backends_json(probe_backends());
  return json;
}

}  // namespace

int check(const Options& options, const CheckOptions& asked) {
  const auto terminal = Terminal::detect(options.pager);
  const auto loaded = asked.paths.empty() ? load_policy_directories(options.policy_directories, 1)
                                          : load_policy_paths(asked.paths);
  if (!loaded) return fail(loaded.error());
  const int status = loaded->set ? kDone : kFailed;
  if (options.json) return show_json(terminal, check_json(*loaded)) ? status : kFailed;
  print_diagnostics(*loaded, options.quiet);
  if (!loaded->set || options.quiet) return status;
  return terminal.show(check_text(terminal, *loaded)) ? status : kFailed;
}

int list(const Options& options, const ListOptions& /*asked*/) {
  const auto terminal = Terminal::detect(options.pager);
  const auto set = load_valid(options);
  if (!set) return kFailed;
  if (options.json) {
    auto json = Json::array();
    for (const auto& policy : set->policies()) json.push_back(summary_json(*set, policy));
    return show_json(terminal, json) ? kDone : kFailed;
  }
  if (set->policies().empty())
    return terminal.show("No policies found: nothing would be guarded.\n") ? kDone : kFailed;
  Table table({"POLICY", "ACTION", "OWNER", "TREES", "FROM"});
  for (const auto& policy : set->policies()) {
    table.add({{policy.name()},
               {std::string(word(policy.action()))},
               {owner_text(policy.wanted)},
               {trees_text(policy)},
               {place_text(*set, policy.said.place), Tone::kFaint}});
  }
  return terminal.show(table.text(terminal)) ? kDone : kFailed;
}

int show(const Options& options, const ShowOptions& asked) {
  const auto terminal = Terminal::detect(options.pager);
  const auto set = load_valid(options);
  if (!set) return kFailed;
  const auto* policy = set->find_policy(asked.policy);
  if (!policy) {
    std::vector<std::string_view> names;
    for (const auto& known : set->policies()) names.push_back(known.name());
    const auto near = nearest(asked.policy, names);
    return fail(
        Error("no policy is called " + quote(asked.policy) +
              (near.empty() ? "; see: guardctl list" : "; did you mean " + quote(near) + "?")));
  }
  if (options.json) {
    auto json = provenance_json(*set, *policy);
    json["effective_action"] = effective_json(*policy);
    return show_json(terminal, json) ? kDone : kFailed;
  }
  std::string out = provenance_text(terminal, *set, *policy);
  for (const auto backend : kBackends) {
    const auto effective = effective_here(*policy, backend);
    out += fmt::format("\nWith {}: {}\n", word(backend),
                       terminal.paint(tone_of(effective), word(effective.got)));
    for (const auto& difference : effective.differences)
      out += "  - " + wrapped(printable(difference), 4) + '\n';
  }
  return terminal.show(out) ? kDone : kFailed;
}

}  // namespace guard::ctl
