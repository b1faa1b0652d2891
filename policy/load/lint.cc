#include "policy/load/lint.h"

#include <optional>
#include <string>
#include <unordered_map>

#include "policy/base/text.h"
#include "policy/load/tree_paths.h"

namespace guard {
namespace {

constexpr std::uint32_t kOthersWrite = 0002;
constexpr std::uint32_t kGroupWrites = 0020;
constexpr std::uint32_t kSticky = 01000;

// Bounds the comparison of each pattern with every earlier one. Policies with thousands of rules,
// or with rules that are hard to compare, must not take a minute to lint.
constexpr std::size_t kMostComparisons = 20'000;
constexpr std::size_t kMostWork = 10'000'000;

class Linter {
 public:
  Linter(const PolicySet& set, const Files& files, Diagnostics& diagnostics)
      : set_(set), files_(files), diagnostics_(diagnostics) {}

  void run() {
    for (const auto& policy : set_.policies()) {
      if (policy.action() == Action::kOff) {
        lint_switched_off(policy);
        continue;
      }
      lint_settings(policy);
      lint_patterns(policy);
      for (const auto& allow : policy.allows) lint_allow(allow);
    }
    for (const auto& tree : set_.trees())
      if (set_.policy_of(tree).action() != Action::kOff) lint_tree(tree);
  }

 private:
  void warn(Place place, std::string message) { diagnostics_.warning(place, std::move(message)); }

  void lint_switched_off(const Policy& policy) {
    for (const auto& rule : policy.rules)
      if (rule.said.action && rule.action != Action::kOff)
        warn(rule.said.action->place,
             "action has no effect: the policy is off, and so are its rules");
  }

  void lint_settings(const Policy& policy) {
    const auto& said = policy.said;
    const auto strongest = policy.strongest_action();
    if (policy.wanted.owner.id == kRoot) {
      warn(said.owner->place,
           "the owner is root: changes by root are never violations, only changes by other users "
           "are");
    }
    if (said.guards.value.has(Guard::kOwnership)) {
      lint_mode("file_mode", said.file_mode, 0400);
      lint_mode("dir_mode", said.dir_mode, 0500);
    } else {
      for (const auto& [key, mode] :
           {std::pair("file_mode", said.file_mode), std::pair("dir_mode", said.dir_mode)})
        if (mode)
          warn(mode->place,
               std::string(key) + " has no effect: the policy does not guard ownership");
    }
    if (said.fix_at.value == FixAt::kOpen && strongest < Action::kFix) {
      warn(said.fix_at.place, "fix_at has no effect: action = \"" + std::string(word(strongest)) +
                                  "\" does not fix anything");
    }
    if (strongest == Action::kDeny) return;
    for (const auto& [key, place] :
         {std::pair("only", said.only.place), std::pair("strict", said.strict.place)})
      if (place)
        warn(place, std::string(key) + " has no effect: it applies only to action = \"deny\"");
  }

  void lint_mode(std::string_view key, const Optional<Mode>& said, std::uint32_t owner_needs) {
    if (!said) return;
    const auto bits = said->value.value;
    if ((bits & owner_needs) != owner_needs) {
      warn(said->place,
           std::string(key) +
               " takes permissions away that the owner needs; usual are \"0640\" for files "
               "and \"0750\" for directories");
    }
    if ((bits & kOthersWrite) != 0) warn(said->place, std::string(key) + " lets every user write");
  }

  // Patterns are tried in order; a later one never sees what an earlier one matches.
  void lint_patterns(const Policy& policy) {
    for (std::size_t i = 0; i < policy.rules.size(); ++i) {
      const auto& rule = policy.rules[i];
      for (const auto& pattern : rule.match) {
        if (!never_reached(policy, i, pattern)) lint_nested(policy, pattern);
      }
      const auto& said = rule.said;
      lint_mode("file_mode", said.file_mode, 0400);
      lint_mode("dir_mode", said.dir_mode, 0500);
      if (!said.owner && !said.group && !said.file_mode && !said.dir_mode && !said.action) {
        warn(said.place,
             "this rule has no effect: set owner, group, file_mode, dir_mode or action");
      }
    }
    for (const auto& pattern : policy.exclude) lint_nested(policy, pattern);
  }

  bool never_reached(const Policy& policy, std::size_t rule, const Pattern& pattern) {
    const auto shadowed_by = [&](const Pattern& earlier, std::string_view what) {
      if (comparisons_ == kMostComparisons || work_ == 0) return false;
      ++comparisons_;
      if (!Glob::covers(earlier.glob, pattern.glob, work_)) return false;
      warn(pattern.place, quote(pattern.glob.pattern()) + " can never match: " + std::string(what) +
                              " " + quote(earlier.glob.pattern()) + " at " +
                              diagnostics_.where(earlier.place) + " matches everything first");
      return true;
    };
    for (const auto& exclude : policy.exclude)
      if (shadowed_by(exclude, "exclude")) return true;
    for (std::size_t i = 0; i < rule; ++i)
      for (const auto& earlier : policy.rules[i].match)
        if (shadowed_by(earlier, "the rule")) return true;
    return false;
  }

  // A pattern that, in every tree of its policy, only matches paths in a tree of another policy.
  void lint_nested(const Policy& policy, const Pattern& pattern) {
    const Tree* inner = nullptr;
    for (const auto& path : policy.said.paths) {
      auto inside = path.value == "/" ? std::string() : path.value;
      inside += '/';
      inside += pattern.glob.literal_directory();
      inside.pop_back();
      const auto* tree = set_.tree_of(inside.empty() ? "/" : inside);
      if (!tree || &set_.policy_of(*tree) == &policy) return;
      inner = tree;
    }
    if (!inner) return;
    warn(pattern.place, quote(pattern.glob.pattern()) + " can never match: " + quote(inner->path) +
                            " is a separate tree, at " + diagnostics_.where(inner->place));
  }

  void lint_allow(const Allow& allow) {
    const auto& said = allow.said;
    const bool nothing_else = !said.exe && !said.unit && !said.container && !said.image &&
                              !said.group && !said.login && !said.label;
    if (nothing_else && !said.user) {
      warn(said.place,
           "this allow exempts everyone: set at least one of exe, unit, container, image, user, "
           "group, login, label");
    } else if (nothing_else && allow.user == kRoot) {
      warn(said.user->place,
           "this allow exempts root, whose mistakes are the main reason to use guardd");
    }
  }

  void lint_tree(const Tree& tree) {
    const auto& policy = set_.policy_of(tree);
    const std::string path = tree.root();
    const auto looked = files_.look(path);
    if (looked && *looked) {
      lint_root(tree, policy, path, **looked);
    }
    lint_ancestors(tree, policy);
  }

  void lint_root(const Tree& tree, const Policy& policy, const std::string& path,
                 const PathFacts& root) {
    if (root.type == FileType::kSymlink) {
      warn(tree.place,
           quote(path) + " is a symbolic link, which guardd does not follow; write its target");
      return;
    }
    if (!root.can_chown && policy.strongest_action() >= Action::kFix) {
      warn(tree.place, quote(path) + " is on " + root.filesystem +
                           ", which does not store owners: guardd cannot fix anything on it");
    } else if (root.read_only && policy.strongest_action() >= Action::kFix) {
      warn(tree.place, quote(path) + " is mounted read-only: guardd cannot fix anything on it");
    }
    if (root.type != FileType::kDirectory) return;
    const auto bits = root.mode.value;
    if ((bits & kOthersWrite) != 0 && (bits & kSticky) == 0) {
      reject(tree, path, "every user can write it", "chmod o-w");
    } else if (root.uid != kRoot && root.uid != policy.wanted.owner.id) {
      warn(tree.place, quote(path) + " belongs to uid " + std::to_string(root.uid.value) +
                           ", not to " + policy.wanted.owner.name);
    } else if ((bits & kGroupWrites) != 0 && root.gid.value != 0) {
      warn(tree.place, quote(path) + " can be written by its whole group (gid " +
                           std::to_string(root.gid.value) +
                           "): its members can move files in it; fix with: chmod g-w " +
                           escaped(path));
    }
  }

  void lint_ancestors(const Tree& tree, const Policy& policy) {
    for (std::string_view above = tree.path; !above.empty();) {
      above = above.substr(0, above.rfind('/'));
      const std::string path = above.empty() ? "/" : std::string(above);
      const auto& looked = ancestor(path);
      if (!looked) continue;
      const auto& facts = *looked;
      const auto bits = facts.mode.value;
      if (facts.uid != kRoot && facts.uid != policy.wanted.owner.id) {
        return reject(tree, path, "it belongs to uid " + std::to_string(facts.uid.value),
                      "chown root");
      }
      if ((bits & kSticky) != 0) continue;  // sticky: users cannot move the files of others
      if ((bits & kOthersWrite) != 0)
        return reject(tree, path, "every user can write it", "chmod o-w");
      if ((bits & kGroupWrites) == 0 || facts.gid.value == 0) continue;
      if (facts.gid != policy.wanted.group.id) {
        const auto group = std::to_string(facts.gid.value);
        return reject(tree, path, "its group (gid " + group + ") can write it", "chmod g-w");
      }
      warn(tree.place, quote(path) + ", above this tree, can be written by the group " +
                           policy.wanted.group.name + ": its members can replace this tree");
    }
  }

  // Each directory is checked once, however many trees are below it.
  const std::optional<PathFacts>& ancestor(const std::string& path) {
    auto known = ancestors_.find(path);
    if (known == ancestors_.end()) {
      auto looked = files_.look_through(path);
      known = ancestors_.emplace(path, looked ? *std::move(looked) : std::nullopt).first;
    }
    return known->second;
  }

  void reject(const Tree& tree, const std::string& path, const std::string& why,
              std::string_view repair) {
    const bool root_itself = path == tree.root();
    diagnostics_.error(tree.place,
                       (root_itself ? quote(path) : quote(path) + ", above this tree,") +
                           " cannot be trusted: " + why +
                           ", so another user could replace it; fix with: " + std::string(repair) +
                           " " + escaped(path));
  }

  const PolicySet& set_;
  const Files& files_;
  Diagnostics& diagnostics_;
  std::unordered_map<std::string, std::optional<PathFacts>> ancestors_;
  std::size_t comparisons_ = 0;
  std::size_t work_ = kMostWork;
};

}  // namespace

void lint(const PolicySet& set, const Files& files, Diagnostics& diagnostics) {
  Linter(set, files, diagnostics).run();
}

}  // namespace guard
