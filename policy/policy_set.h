// The policies in force: names resolved, patterns compiled, trees indexed. Immutable once built, so
// any thread can read it without a lock. A reload builds a new set.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/base/result.h"
#include "policy/draft.h"
#include "policy/glob.h"

namespace guard {

// A resolved user or group: the number decides, the name is for display.
template <typename Number>
struct NamedId {
  Number id;
  std::string name;
};

// The owner, group and modes that an object should have. No mode: any mode is accepted.
struct WantedState {
  NamedId<Uid> owner;
  NamedId<Gid> group;
  std::optional<Mode> file_mode;
  std::optional<Mode> dir_mode;
  std::vector<Gid> owner_groups;   // of the owner's account, as far as they are known
  bool is_alone_in_group = false;  // no account but the owner's is in the group
  // The owner is the policy's, who controls the directories of the tree, and is not root.
  bool has_the_tree = false;

  OwnerIds ids() const { return {owner.id, group.id}; }

  // Links, sockets, FIFOs and devices have no wanted mode.
  std::optional<Mode> mode_of(FileType type) const {
    if (type == FileType::kRegular) return file_mode;
    if (type == FileType::kDirectory) return dir_mode;
    return std::nullopt;
  }
};

struct Pattern {
  Glob glob;
  Place place;
};

struct Rule {
  DraftRule said;
  std::vector<Pattern> match;
  WantedState wanted;  // complete: the policy supplies what the rule omits
  Action action = Action::kLog;

  bool matches(std::string_view relative_path) const;
};

// Containers by name and image. An image also matches by what follows its last slash.
struct ContainerPatterns {
  std::optional<Glob> name;
  std::optional<Glob> image;

  // An empty name or image is unknown and matches no pattern.
  bool match(std::string_view name, std::string_view image) const;
};

// Every given key must match. A key that names something that does not exist (such as a program
// that is not installed) never matches.
struct Allow {
  DraftAllow said;
  std::optional<InodeId> exe;
  std::optional<Glob> unit;
  ContainerPatterns container;
  std::optional<Uid> user;
  std::optional<Gid> group;
  std::optional<Uid> login;
};

struct Policy {
  DraftPolicy said;
  WantedState wanted;
  std::vector<Pattern> exclude;
  std::vector<Rule> rules;
  std::vector<Allow> allows;
  // The reason for a pause, during which violations are only logged; empty: it is not paused.
  std::string excuse;

  bool is_paused() const { return !excuse.empty(); }
  const std::string& name() const { return said.name.value; }
  Action action() const { return said.action.value; }
  // The strongest action of the policy and its rules. "off" turns the rules off, too.
  Action strongest_action() const;
};

struct Tree {
  std::string path;  // no slash at the end; empty for the root of the file system
  std::uint32_t policy = 0;
  Place place;

  std::string root() const { return path.empty() ? "/" : path; }  // the form to open and to display
};

class PolicySet {
 public:
  // Called by compile(). Indexes the trees and computes the identity.
  PolicySet(std::vector<Policy> policies, std::vector<Tree> trees, std::vector<std::string> files,
            std::uint64_t generation);

  const std::vector<Policy>& policies() const { return policies_; }
  const std::vector<Tree>& trees() const { return trees_; }
  const std::vector<std::string>& files() const { return files_; }
  std::uint64_t generation() const { return generation_; }

  // SHA-256 in hexadecimal of the effective policies, with names resolved and defaults filled
  // in. Comments, file names and the order of keys do not affect it.
  const std::string& identity() const { return identity_; }

  // The same set, with the same identity and trees, in which the named policies are paused, each
  // for the given reason. A paused policy still sees every change, but fixes and denies nothing.
  PolicySet paused(const std::map<std::string, std::string>& excuses) const;

  const Policy& policy_of(const Tree& tree) const { return policies_[tree.policy]; }
  const Policy* find_policy(std::string_view name) const;
  std::vector<std::string_view> names() const;
  // The same for a name that a user typed: the error suggests a similar name.
  Result<const Policy*> policy_called(std::string_view name) const;

  // The innermost tree that holds this absolute, normal path, or null. Never allocates.
  const Tree* tree_of(std::string_view path) const;
  // All trees that hold the path, outermost first.
  std::vector<const Tree*> trees_holding(std::string_view path) const;

  // The path relative to its tree: "" for the tree's root, "a/b" below it.
  static std::string_view relative(const Tree& tree, std::string_view path);

 private:
  template <typename Visit>
  void each_tree_holding(std::string_view path, Visit visit) const;
  void index_trees();

  std::vector<Policy> policies_;
  std::vector<Tree> trees_;
  std::vector<std::string> files_;
  std::uint64_t generation_;
  std::string identity_;

  // Open addressing over hashes of tree paths. A walk along a path computes them name by name.
  std::vector<std::uint32_t> slots_;
  std::size_t slot_mask_ = 0;
};

// The effective policies in a fixed form, one setting per line: the input of the identity.
std::string canonical_text(const std::vector<Policy>& policies);

}  // namespace guard
