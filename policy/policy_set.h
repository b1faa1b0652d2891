// The policies as they are enforced: names looked up, patterns compiled, trees indexed. Immutable
// once built, so that any thread reads it without a lock; a reload builds a new one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/base/result.h"
#include "policy/draft.h"
#include "policy/glob.h"

namespace guard {

// A user or group that was looked up: the number decides, the name is for people.
template <typename Number>
struct Known {
  Number id;
  std::string name;
};

// Who and what an object should be. No mode: any will do.
struct Wanted {
  Known<Uid> owner;
  Known<Gid> group;
  std::optional<Mode> file_mode;
  std::optional<Mode> dir_mode;

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
  Wanted wanted;  // whole: what the rule leaves out is the policy's
  Action action = Action::kLog;

  bool matches(std::string_view relative_path) const;
};

// Every key given must match; a key that names what is not there (a program not installed) never
// does.
struct Allow {
  DraftAllow said;
  std::optional<InodeId> exe;
  std::optional<Glob> unit;
  std::optional<Uid> user;
  std::optional<Gid> group;
  std::optional<Uid> login;
};

struct Policy {
  DraftPolicy said;
  Wanted wanted;
  std::vector<Pattern> exclude;
  std::vector<Rule> rules;
  std::vector<Allow> allows;
  // Why what is done against it is only recorded for a while; empty: it is not paused.
  std::string excuse;

  bool is_paused() const { return !excuse.empty(); }
  const std::string& name() const { return said.name.value; }
  Action action() const { return said.action.value; }
  // The highest step of the ladder that it or a rule of it takes; off switches its rules off too.
  Action strongest_action() const;
};

struct Tree {
  std::string path;  // no slash at the end; empty for the root of the file system
  std::uint32_t policy = 0;
  Place place;

  std::string root() const { return path.empty() ? "/" : path; }  // as it is opened and shown
};

class PolicySet {
 public:
  // Built by compile(). The trees are indexed here and the identity is computed.
  PolicySet(std::vector<Policy> policies, std::vector<Tree> trees, std::vector<std::string> files,
            std::uint64_t generation);

  const std::vector<Policy>& policies() const { return policies_; }
  const std::vector<Tree>& trees() const { return trees_; }
  const std::vector<std::string>& files() const { return files_; }
  std::uint64_t generation() const { return generation_; }

  // sha256 in hexadecimal over what the policies say in the end: names resolved, defaults filled
  // in. Comments, file names and the order of keys leave it as it is.
  const std::string& identity() const { return identity_; }

  // The same set, with the same identity and trees, in which these policies are paused: by their
  // names, each with its excuse. They see all that they have seen, and change and refuse nothing.
  PolicySet paused(const std::map<std::string, std::string>& excuses) const;

  const Policy& policy_of(const Tree& tree) const { return policies_[tree.policy]; }
  const Policy* find_policy(std::string_view name) const;
  // The same for a name that somebody gave: the error says what was meant, perhaps.
  Result<const Policy*> policy_called(std::string_view name) const;

  // The innermost tree that holds this absolute, normal path; null if none does. Never allocates.
  const Tree* tree_of(std::string_view path) const;
  // All trees that hold it, the outermost first.
  std::vector<const Tree*> trees_holding(std::string_view path) const;

  // The path inside its tree: "" for the tree's root, "a/b" below it.
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

  // Open addressing over hashes of tree paths, which a walk along a path computes name by name.
  std::vector<std::uint32_t> slots_;
  std::size_t slot_mask_ = 0;
};

// The effective content in a fixed form, one setting a line: what the identity is computed over.
std::string canonical_text(const std::vector<Policy>& policies);

}  // namespace guard
