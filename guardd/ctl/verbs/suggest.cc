// suggest: proposes policies from the units and trees of a machine.

#include "guardd/ctl/suggest/suggest.h"

#include <unistd.h>

#include <iostream>

#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/machine/config_lines.h"
#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/suggest/container_trees.h"
#include "guardd/ctl/verbs/verbs.h"
#include "guardd/host/path_facts.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

using machine::Machine;
using suggest::ProposedRule;
using suggest::Suggestion;

struct SuggestOptions {
  std::vector<std::string> units;
  std::vector<std::string> trees;
  bool containers = false;
  std::string user;  // whose containers
  std::string root;
};

// The policies in force on the machine; null, with a warning, if they are invalid.
std::shared_ptr<const PolicySet> present_policies(const Options& options, const Machine& machine,
                                                  const std::string& root) {
  auto directories = options.policy_directories;
  Result<LoadResult> loaded = Error("");
  if (machine.is_running() || !directories.empty()) {
    loaded = load_policy_directories(directories, 1);
  } else {
    for (const auto& directory : default_policy_directories())
      directories.push_back(root + machine.real_path(directory));
    auto files = find_policy_files(directories);
    loaded = files ? Result<LoadResult>(load_policies({*std::move(files), Uid{::geteuid()}, 1},
                                                      machine.users(), machine.files()))
                   : Result<LoadResult>(files.error());
  }
  if (loaded && loaded->set) return loaded->set;
  std::cerr
      << "guardctl: the present policies are invalid, so suggestions may overlap with them; see "
         "guardctl check\n";
  return nullptr;
}

Json rules_json(const std::vector<ProposedRule>& rules) {
  auto list = Json::array();
  for (const auto& rule : rules) {
    Json entry;
    entry["match"] = rule.match;
    entry["owner"] = json_text(rule.owner);
    entry["group"] = json_text(rule.group);
    entry["count"] = rule.entries;
    put_path(entry, "example", rule.example);
    if (rule.is_made_as_root) entry["action"] = "off";
    list.push_back(std::move(entry));
  }
  return list;
}

Json mode_json(const std::optional<Mode>& mode) {
  return mode ? Json(octal(*mode)) : Json();
}

Json suggestion_json(const Suggestion& suggestion) {
  Json json;
  json["policies"] = Json::array();
  for (const auto& proposal : suggestion.proposals) {
    Json entry;
    entry["name"] = proposal.name;
    entry["paths"] = proposal.paths;
    entry["owner"] = json_text(proposal.owner);
    entry["group"] = json_text(proposal.group);
    entry["action"] = "log";
    entry["reasons"] = json_list(proposal.why, json_text);
    entry["rules"] = rules_json(proposal.rules);
    entry["strays"] = rules_json(proposal.strays);
    entry["unsaid"] = rules_json(proposal.unsaid);
    entry["usual_file_mode"] = mode_json(proposal.file_mode);
    entry["usual_dir_mode"] = mode_json(proposal.dir_mode);
    json["policies"].push_back(std::move(entry));
  }
  json["left_out"] = Json::array();
  for (const auto& [what, why] : suggestion.left_out) {
    Json entry;
    put_path(entry, "what", what);
    entry["reason"] = json_text(why);
    json["left_out"].push_back(std::move(entry));
  }
  json["text"] = suggest::file_text(suggestion);
  return json;
}

// Comments are faint.
std::string painted(const Terminal& terminal, const std::string& text) {
  std::string out;
  for (const auto line : machine::lines_of(text)) {
    const bool is_comment = machine::stripped(line).starts_with('#');
    out += terminal.paint(is_comment ? Tone::kFaint : Tone::kPlain, line);
    out += '\n';
  }
  return out;
}

void report_why_nothing(const Suggestion& suggestion, const SuggestOptions& asked) {
  for (const auto& [what, why] : suggestion.left_out)
    std::cerr << "guardctl: " << printable(escaped(what) + ": " + why) << '\n';
  if (!asked.units.empty() || !asked.trees.empty()) return;
  if (asked.containers) {
    std::cerr
        << "guardctl: nothing to suggest: no container mounts a directory that could belong to "
           "its user\n";
    return;
  }
  std::cerr << "guardctl: nothing to suggest: no other enabled or running service has its own user "
               "and a directory; for a directory, see guardctl suggest --tree\n";
}

// Root asks the runtimes of the machine, another user those of their own.
Result<std::vector<containers::Socket>> sockets_of(const Machine& machine,
                                                   const std::string& user) {
  if (user.empty() && ::geteuid() == 0) return containers::usual_sockets(std::nullopt);
  GUARD_TRY(const auto account,
            user.empty() ? machine.users().user(Uid{::geteuid()}) : machine.users().user(user));
  if (!account) return Error("there is no user " + quote(user));
  return containers::usual_sockets(account);
}

Result<Suggestion> suggestion_of(const Machine& machine, const SuggestOptions& asked,
                                 const std::vector<std::string>& trees, const PolicySet* present) {
  if (asked.containers) {
    GUARD_TRY(auto sockets, sockets_of(machine, asked.user));
    return suggest::suggest_for_containers(machine, {std::move(sockets), present, "/proc"});
  }
  if (trees.empty()) return suggest::suggest_for_units(machine, {asked.units, present});
  return suggest::suggest_for_trees(machine, trees, present);
}

int suggest_policies(const Options& options, const SuggestOptions& asked) {
  for (const auto& unit : asked.units)
    if (unit.empty()) return misused("UNIT is empty", "suggest");
  for (const auto& tree : asked.trees)
    if (tree.empty()) return misused("PATH is empty", "suggest");
  if (!asked.units.empty() + !asked.trees.empty() + asked.containers > 1)
    return misused("give UNITs, --tree or --containers, not several of them", "suggest");
  if (!asked.user.empty() && !asked.containers)
    return misused("--user needs --containers", "suggest");
  if (asked.containers && !asked.root.empty() && asked.root != "/")
    return misused("--containers asks the runtimes of this machine, so --root cannot be used",
                   "suggest");
  const auto terminal = Terminal::detect(options.pager);
  const auto machine = Machine::open(asked.root);
  if (!machine) return fail(machine.error());
  const auto present = present_policies(options, *machine, asked.root);

  std::vector<std::string> trees;
  for (const auto& tree : asked.trees) {
    if (machine->is_running())
      trees.push_back(resolved_path(tree));
    else
      trees.push_back(tree.starts_with('/') ? tree : '/' + tree);
  }
  const auto suggestion = suggestion_of(*machine, asked, trees, present.get());
  if (!suggestion) return fail(suggestion.error());
  const int status = suggestion->proposals.empty() ? kFailed : kDone;
  if (options.json) return show_json(terminal, suggestion_json(*suggestion)) ? status : kFailed;
  if (options.quiet) return status;
  if (status != kDone) {
    report_why_nothing(*suggestion, asked);
    return status;
  }
  return terminal.show(painted(terminal, suggest::file_text(*suggestion))) ? status : kFailed;
}

}  // namespace

Run suggest_verb(Arguments& arguments) {
  auto asked = std::make_shared<SuggestOptions>();
  arguments.words("units", asked->units);
  arguments.words("--tree", asked->trees);
  arguments.flag("--containers", asked->containers);
  arguments.option("--user", asked->user);
  arguments.option("--root", asked->root);
  return [asked](const Options& options) { return suggest_policies(options, *asked); };
}

}  // namespace guard::ctl
