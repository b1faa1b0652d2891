#include "policy/load/compile.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "policy/base/text.h"
#include "policy/load/names.h"
#include "policy/load/tree_paths.h"

namespace guard {
namespace {

constexpr Duration kLongestSettle = std::chrono::hours(1);
constexpr std::size_t kLongestName = 255;

bool is_policy_name(std::string_view name) {
  const auto is_alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && is_alnum(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; });
}

class Compiler {
 public:
  Compiler(const Users& users, const Files& files, Diagnostics& diagnostics)
      : names_(users, diagnostics), files_(files), diagnostics_(diagnostics) {}

  void add(DraftPolicy draft) {
    check_name(draft);
    check_values(draft);
    Policy policy;
    add_trees(draft, static_cast<std::uint32_t>(policies_.size()));
    policy.wanted = wanted_of(draft);
    policy.exclude = patterns("exclude", draft.exclude);
    for (auto& rule : draft.rules)
      policy.rules.push_back(compile_rule(std::move(rule), policy.wanted, draft));
    for (auto& allow : draft.allows) policy.allows.push_back(compile_allow(std::move(allow)));
    draft.rules.clear();  // their compiled forms replace them
    draft.allows.clear();
    policy.said = std::move(draft);
    policies_.push_back(std::move(policy));
  }

  std::shared_ptr<const PolicySet> finish(std::uint64_t generation) {
    check_overlaps();
    if (diagnostics_.has_errors()) return nullptr;
    return std::make_shared<const PolicySet>(std::move(policies_), std::move(trees_),
                                             diagnostics_.files(), generation);
  }

 private:
  void check_name(const DraftPolicy& draft) {
    const auto& name = draft.name;
    if (!name.place) return;  // missing: reported by the reader
    if (name.value.size() > kLongestName) {
      diagnostics_.error(name.place, "the name is longer than 255 characters");
      return;
    }
    if (!is_policy_name(name.value)) {
      diagnostics_.error(
          name.place,
          "the name " + quote(name.value) +
              " is invalid; use a-z, 0-9, '.', '_' and '-', and begin with a letter or digit");
      return;
    }
    const auto [first, is_new] = by_name_.try_emplace(name.value, name.place);
    if (!is_new) {
      diagnostics_.error(name.place, "the name " + quote(name.value) + " is already used at " +
                                         diagnostics_.where(first->second));
    }
  }

  void check_values(const DraftPolicy& draft) {
    if (draft.settle.value > kLongestSettle) {
      diagnostics_.error(draft.settle.place,
                         "settle = \"" + format_duration(draft.settle.value) +
                             "\" is longer than one hour: files would not be fixed in time");
    }
    check_file_mode(draft.file_mode);
    for (const auto& rule : draft.rules) check_file_mode(rule.file_mode);
  }

  void check_file_mode(const Optional<Mode>& mode) {
    if (mode && (mode->value.value & 07000U) != 0) {
      diagnostics_.error(mode->place,
                         "file_mode cannot contain set-id or sticky bits: guardd never changes the "
                         "owner of such a file");
    }
  }

  // One tree per path. A duplicate path, in one policy or in two, is an error that names both
  // places.
  void add_trees(DraftPolicy& draft, std::uint32_t policy) {
    for (auto& path : draft.paths) {
      auto normal = normal_tree_path(path.value);
      if (!normal) {
        diagnostics_.error(path.place, quote(path.value) + ": " + normal.error().text());
        continue;
      }
      check_danger(*normal, path, draft);
      const auto [first, is_new] =
          by_path_.try_emplace(*normal, static_cast<std::uint32_t>(trees_.size()));
      if (!is_new) {
        diagnostics_.error(path.place, quote(path.value) + " is already guarded at " +
                                           diagnostics_.where(trees_[first->second].place));
        continue;
      }
      path.value = normal->empty() ? "/" : *normal;
      trees_.push_back({*std::move(normal), policy, path.place});
    }
  }

  void check_danger(std::string_view normal, const Setting<std::string>& path,
                    const DraftPolicy& draft) {
    switch (danger_of(normal)) {
      case TreeDanger::kNone:
        return;
      case TreeDanger::kNever:
        diagnostics_.error(
            path.place,
            quote(path.value) + " cannot be guarded: its files do not have owners of their own");
        return;
      case TreeDanger::kSystem:
        if (draft.force.value) return;
        diagnostics_.error(path.place, quote(path.value) +
                                           " belongs to the whole system, not to one service; " +
                                           "name a directory below it, or set force = true");
        return;
      case TreeDanger::kShared:
        if (draft.force.value) return;
        diagnostics_.warning(path.place,
                             quote(path.value) + " is usually shared by many services; " +
                                 "name the directory of one service, or set force = true");
        return;
    }
  }

  // Trees of different policies can nest; the innermost wins. Within one policy it is a mistake.
  void check_overlaps() {
    for (const auto& tree : trees_) {
      for (std::string_view above = tree.path; !above.empty();) {
        above = above.substr(0, above.rfind('/'));
        const auto outer = by_path_.find(std::string(above));
        if (outer == by_path_.end() || trees_[outer->second].policy != tree.policy) continue;
        diagnostics_.error(tree.place, quote(tree.path) + " overlaps " +
                                           quote(above.empty() ? "/" : above) +
                                           " of the same policy, at " +
                                           diagnostics_.where(trees_[outer->second].place) +
                                           "; remove one of them");
      }
    }
  }

  WantedState wanted_of(const DraftPolicy& draft) {
    WantedState wanted;
    wanted.file_mode = value_of(draft.file_mode);
    wanted.dir_mode = value_of(draft.dir_mode);
    if (draft.group) {
      if (auto group = names_.group("group", *draft.group)) wanted.group = *std::move(group);
    }
    if (!draft.owner) return wanted;
    const auto owner = names_.user("owner", *draft.owner);
    if (!owner) return wanted;
    wanted.owner = owner->user;
    wanted.owner_groups = owner->groups;
    if (!draft.group && owner->primary) {
      wanted.group = names_.group(*owner->primary);
    } else if (!draft.group) {
      diagnostics_.error(draft.owner->place, owner->why_no_primary + "; set group = …");
    }
    note_group(wanted, wanted.owner.id);
    return wanted;
  }

  // Who else reads a file if it becomes the owner's and the group's.
  void note_group(WantedState& wanted, Uid has_the_tree) {
    wanted.is_alone_in_group = names_.is_alone_in(wanted.owner.name, wanted.group.id);
    wanted.has_the_tree = wanted.owner.id == has_the_tree && has_the_tree != kRoot;
  }

  Rule compile_rule(DraftRule said, const WantedState& of_policy, const DraftPolicy& policy) {
    Rule rule;
    rule.match = patterns("match", said.match);
    rule.wanted = of_policy;
    rule.action = said.action ? said.action->value : policy.action.value;
    if (said.owner) {
      if (auto owner = names_.user("owner", *said.owner)) {
        rule.wanted.owner = std::move(owner->user);
        rule.wanted.owner_groups = std::move(owner->groups);
      }
    }
    if (said.group) {
      if (auto group = names_.group("group", *said.group)) rule.wanted.group = *std::move(group);
    }
    if (said.owner || said.group) note_group(rule.wanted, of_policy.owner.id);
    if (said.file_mode) rule.wanted.file_mode = said.file_mode->value;
    if (said.dir_mode) rule.wanted.dir_mode = said.dir_mode->value;
    rule.said = std::move(said);
    return rule;
  }

  Allow compile_allow(DraftAllow said) {
    Allow allow;
    if (said.exe) allow.exe = program(*said.exe);
    if (said.unit) allow.unit = unit(*said.unit);
    if (said.container) allow.container.name = container_pattern("container", *said.container);
    if (said.image) allow.container.image = container_pattern("image", *said.image);
    if (said.user) {
      if (const auto user = names_.user("user", *said.user)) allow.user = user->user.id;
    }
    if (said.group) {
      if (const auto group = names_.group("group", *said.group)) allow.group = group->id;
    }
    if (said.login) {
      if (const auto login = names_.user("login", *said.login)) allow.login = login->user.id;
    }
    allow.said = std::move(said);
    return allow;
  }

  std::optional<InodeId> program(Setting<std::string>& exe) {
    auto normal = normal_tree_path(exe.value);
    if (!normal) {
      diagnostics_.error(exe.place, "exe = " + quote(exe.value) + ": " + normal.error().text());
      return std::nullopt;
    }
    const auto facts = files_.look_through(*normal);
    if (!facts) {
      diagnostics_.warning(
          exe.place, "exe = " + quote(exe.value) + " cannot be checked: " + facts.error().text());
    } else if (!*facts) {
      diagnostics_.warning(
          exe.place,
          "exe = " + quote(exe.value) + " does not exist: this allow has no effect until it does");
    } else if ((*facts)->type != FileType::kRegular) {
      diagnostics_.error(exe.place, "exe = " + quote(exe.value) + " is a " +
                                        std::string(word((*facts)->type)) + ", not a program");
    } else {
      if ((*facts)->is_script) {
        diagnostics_.warning(exe.place,
                             "exe = " + quote(exe.value) +
                                 " is a script: the running program is its interpreter, " +
                                 "so this never matches; use unit, label or login");
      }
      return (*facts)->id;
    }
    return std::nullopt;
  }

  std::optional<Glob> unit(const Setting<std::string>& said) {
    constexpr std::array<std::string_view, 6> kRunning{".service", ".scope", ".slice",
                                                       ".socket",  ".mount", ".swap"};
    constexpr std::array<std::string_view, 5> kIdle{".timer", ".target", ".path", ".device",
                                                    ".automount"};
    const std::string_view name = said.value;
    const auto is_type = [&](auto suffix) { return name.ends_with(suffix); };
    if (std::none_of(kRunning.begin(), kRunning.end(), is_type)) {
      const bool idle = std::any_of(kIdle.begin(), kIdle.end(), is_type);
      const auto stem = idle ? name.substr(0, name.rfind('.')) : name;
      diagnostics_.error(said.place,
                         "unit = " + quote(name) +
                             (idle ? " runs no processes itself" : " has no unit type") +
                             "; did you mean " + quote(std::string(stem) + ".service") + "?");
      return std::nullopt;
    }
    // systemd escapes with backslashes ("srv-my\\x2dapp.mount"), which a glob would interpret.
    std::string pattern;
    for (const char c : name) pattern.append(c == '\\' ? 2 : 1, c);
    auto glob = Glob::compile(pattern);
    if (glob) return *std::move(glob);
    diagnostics_.error(said.place, "unit = " + quote(name) + ": " + glob.error().text());
    return std::nullopt;
  }

  std::optional<Glob> container_pattern(const char* key, const Setting<std::string>& said) {
    const auto error = [&](const std::string& why) {
      diagnostics_.error(said.place, std::string(key) + " = " + quote(said.value) + why);
    };
    if (said.value.empty()) {
      error(" matches nothing");
      return std::nullopt;
    }
    auto glob = Glob::compile(said.value);
    if (glob) return *std::move(glob);
    error(": " + glob.error().text());
    return std::nullopt;
  }

  std::vector<Pattern> patterns(std::string_view key,
                                const std::vector<Setting<std::string>>& said) {
    std::vector<Pattern> patterns;
    for (const auto& text : said) {
      auto glob = Glob::compile(text.value);
      if (glob) {
        patterns.push_back({*std::move(glob), text.place});
      } else {
        diagnostics_.error(text.place,
                           std::string(key) + " " + quote(text.value) + ": " + glob.error().text());
      }
    }
    return patterns;
  }

  static std::optional<Mode> value_of(const Optional<Mode>& said) {
    return said ? std::optional(said->value) : std::nullopt;
  }

  Names names_;
  const Files& files_;
  Diagnostics& diagnostics_;
  std::vector<Policy> policies_;
  std::vector<Tree> trees_;
  std::unordered_map<std::string, Place> by_name_;
  std::unordered_map<std::string, std::uint32_t> by_path_;  // indexes of trees_
};

}  // namespace

std::shared_ptr<const PolicySet> compile(std::vector<DraftPolicy> drafts, const Users& users,
                                         const Files& files, std::uint64_t generation,
                                         Diagnostics& diagnostics) {
  Compiler compiler(users, files, diagnostics);
  for (auto& draft : drafts) compiler.add(std::move(draft));
  return compiler.finish(generation);
}

}  // namespace guard
