// check, list and show.

#include "guardd/ctl/ask/policies.h"

#include <fmt/format.h>

#include <algorithm>

#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/text/backends.h"
#include "guardd/ctl/text/policy_text.h"
#include "guardd/ctl/verbs/verbs.h"
#include "guardd/host/files.h"
#include "policy/base/text.h"
#include "policy/load/policy_files.h"
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

// One per line: "/var/log/shop (not there yet)".
std::string trees_text(const Policy& policy) {
  std::string text;
  for (const auto& path : policy.said.paths) {
    const auto root = SystemFiles().look(path.value);
    if (!text.empty()) text += '\n';
    text += escaped(path.value);
    if (root && !*root) text += " (not there yet)";
  }
  return text;
}

// "shop.toml:1". The name is enough: only one file of this name is read.
std::string file_text(const PolicySet& set, Place place) {
  const auto& path = set.files()[place.file];
  return escaped(path.substr(path.rfind('/') + 1)) + ":" + std::to_string(place.line);
}

std::string owner_text(const WantedState& wanted) {
  return escaped(wanted.owner.name) + ":" + escaped(wanted.group.name);
}

std::string limits_text(const Terminal& terminal, const PolicySet& set) {
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

std::string no_policies_text(const std::vector<std::string>& asked) {
  std::string where;
  const auto& searched = asked.empty() ? default_policy_directories() : asked;
  for (const auto& path : searched) where += "  " + escaped(path) + '\n';
  return "No policies, so nothing would be guarded. Searched in\n" + where;
}

// guardd would use the best backend that works here.
std::string best_backend_text(const std::array<BackendSupport, 2>& backends) {
  const auto& [lsm, fanotify] = backends;
  if (lsm.usable || !lsm.tried) return "";
  return fanotify.usable
             ? "  On this machine, guardd would use fanotify: see the column FANOTIFY.\n"
             : "  On this machine, guardd could not guard anything.\n";
}

std::string check_text(const Terminal& terminal, const LoadResult& loaded) {
  const auto& set = *loaded.set;
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
  const auto backends = probe_backends();
  return fmt::format("{} in {}: {}.\n\n", counted(set.policies().size(), "policy", "policies"),
                     counted(set.files().size(), "file", "files"),
                     terminal.paint(Tone::kGood, "valid")) +
         table.text(terminal) + limits_text(terminal, set) + '\n' +
         backends_text(terminal, backends) + best_backend_text(backends);
}

Json effective_json(const Policy& policy) {
  Json json;
  for (const auto backend : kBackends) {
    const auto effective = effective_here(policy, backend);
    auto& entry = json[std::string(word(backend))];
    entry["action"] = word(effective.got);
    entry["differences"] = json_list(effective.differences, json_text);
  }
  return json;
}

Json summary_json(const PolicySet& set, const Policy& policy) {
  Json json;
  json["name"] = policy.name();
  json["policy_file"] = json_text(set.files()[policy.said.place.file]);
  json["policy_line"] = policy.said.place.line;
  json["paths"] = json_list(policy.said.paths, [](const auto& path) { return path.value; });
  json["owner"] = policy.wanted.owner.name;
  json["group"] = policy.wanted.group.name;
  json["uid_wanted"] = policy.wanted.owner.id.value;
  json["gid_wanted"] = policy.wanted.group.id.value;
  json["action"] = word(policy.action());
  json["effective_action"] = effective_json(policy);
  return json;
}

Json summaries_json(const PolicySet& set) {
  return json_list(set.policies(), [&](const Policy& policy) { return summary_json(set, policy); });
}

// An error that is not about a file, in the form of a loaded policy.
LoadResult failed_load(const Error& error) {
  LoadResult loaded;
  loaded.diagnostics.error({loaded.diagnostics.add_file(""), 0, 0}, error.text());
  return loaded;
}

// Has the same fields whether or not the policies are valid.
Json check_json(const LoadResult& loaded) {
  Json json;
  json["valid"] = loaded.set != nullptr;
  json["errors"] = json_diagnostics(loaded.diagnostics, Diagnostic::Kind::kError);
  json["warnings"] = json_diagnostics(loaded.diagnostics, Diagnostic::Kind::kWarning);
  json["files"] = Json::array();
  for (const auto& file : loaded.diagnostics.files())
    if (!file.empty()) json["files"].push_back(json_text(file));
  json["identity"] = loaded.set ? Json(loaded.set->identity()) : Json();
  json["policies"] = loaded.set ? summaries_json(*loaded.set) : Json::array();
  json["backends"] = backends_json(probe_backends());
  return json;
}

int check(const Options& options, const std::vector<std::string>& paths) {
  if (std::find(paths.begin(), paths.end(), "") != paths.end())
    return misused("FILE is empty", "check");
  const auto terminal = Terminal::detect(options.pager);
  auto loaded = paths.empty() ? load_policy_directories(options.policy_directories, 1)
                              : load_policy_paths(paths);
  if (!loaded && !options.json) return fail(loaded.error());
  if (!loaded) loaded = failed_load(loaded.error());
  const int status = loaded->set ? kDone : kFailed;
  if (options.json) return show_json(terminal, check_json(*loaded)) ? status : kFailed;
  print_diagnostics(*loaded, options.quiet);
  if (!loaded->set || options.quiet) return status;
  const auto text = loaded->set->policies().empty()
                        ? no_policies_text(paths.empty() ? options.policy_directories : paths)
                        : check_text(terminal, *loaded);
  return terminal.show(text) ? status : kFailed;
}

int list(const Options& options) {
  const auto terminal = Terminal::detect(options.pager);
  const auto set = load_valid(options);
  if (!set) return kFailed;
  if (options.json) {
    return show_json(terminal, summaries_json(*set)) ? kDone : kFailed;
  }
  if (options.quiet) return kDone;
  if (set->policies().empty())
    return terminal.show(no_policies_text(options.policy_directories)) ? kDone : kFailed;
  Table table({"POLICY", "ACTION", "OWNER", "FROM", "TREES"});
  for (const auto& policy : set->policies()) {
    table.add({{policy.name()},
               {std::string(word(policy.action()))},
               {owner_text(policy.wanted)},
               {file_text(*set, policy.said.place), Tone::kFaint},
               {trees_text(policy)}});
  }
  return terminal.show(table.text(terminal)) ? kDone : kFailed;
}

int show(const Options& options, const std::string& name) {
  const auto terminal = Terminal::detect(options.pager);
  const auto set = load_valid(options);
  if (!set) return kFailed;
  const auto* policy = set->find_policy(name);
  if (!policy) {
    const auto hint = did_you_mean(name, set->names());
    return fail(Error("no policy is called " + quote(name) +
                      (hint.empty() ? "; see: guardctl list" : hint)));
  }
  if (options.json) {
    auto json = policy_json(*set, *policy);
    json["effective_action"] = effective_json(*policy);
    return show_json(terminal, json) ? kDone : kFailed;
  }
  if (options.quiet) return kDone;
  std::string out = policy_text(terminal, *set, *policy);
  for (const auto backend : kBackends) {
    const auto effective = effective_here(*policy, backend);
    out += fmt::format("\nWith {}: {}\n", word(backend),
                       terminal.paint(tone_of(effective), word(effective.got)));
    for (const auto& difference : effective.differences)
      out += "  - " + wrapped(printable(difference), 4) + '\n';
  }
  return terminal.show(out) ? kDone : kFailed;
}

}  // namespace

Run check_verb(Arguments& arguments) {
  auto paths = std::make_shared<std::vector<std::string>>();
  arguments.words("paths", *paths);
  return [paths](const Options& options) { return check(options, *paths); };
}

Run list_verb(Arguments& /*arguments*/) {
  return list;
}

Run show_verb(Arguments& arguments) {
  auto name = std::make_shared<std::string>();
  arguments.required("policy", *name);
  return [name](const Options& options) { return show(options, *name); };
}

}  // namespace guard::ctl
