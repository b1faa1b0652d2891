// Finds the owner of a tree, and which entries of other owners look intended. Pure.
//
// Intended are: the tree's root directory, unless systemd gives it to the service; what belongs to
// a user other than root; what belongs to root but to a group that no accident produces; and a
// whole directory of root with all its contents, which the service cannot write; and what the
// package of the service, or systemd, makes as root. Everything else of root is what guardd exists
// for: it gets no rule, but is mentioned with a rule that can be uncommented. In a tree deployed by
// git, whole directories of root are accidents, too: git creates them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "guardd/ctl/machine/tree_walk.h"

namespace guard::suggest {

using machine::Entry;
using machine::Owner;
using machine::WalkedTree;

// Entries that belong to one owner, in as few patterns as possible.
struct OwnerRule {
  Owner owner;
  std::vector<std::string> match;
  std::size_t entries = 0;
  std::string example;  // the path of one of them, as on disk; empty for the tree's root
  // Its package or systemd makes it as root, and at times it is given to the owner: neither is
  // wrong.
  bool is_made_as_root = false;
};

struct TreeOwners {
  Owner most;
  std::size_t entries = 0;  // without the tree's root
  std::size_t of_most = 0;
  std::vector<OwnerRule> rules;   // first match wins
  std::vector<OwnerRule> strays;  // probably accidental
  std::vector<OwnerRule> unsaid;  // too many for rules, or not expressible
  std::optional<Mode> file_mode;  // of nearly all files
  std::optional<Mode> dir_mode;
  bool is_deployed_by_git = false;
};

struct Expectation {
  std::optional<Uid> owner;    // of a service; absent for the owner of most entries
  std::optional<Gid> group;    // if the files do not show it
  bool trusts_present = true;  // whole directories of root may be intended
  bool is_given = false;       // systemd gives the tree's root to the owner at each start
  // dpkg unpacks the tree's root as root's, and a script gives it to the owner later.
  bool is_unpacked = false;
  // A pattern for the entry with this path in the tree, and for what it is called in other
  // versions, if it is made as root, but not by accident.
  std::function<std::optional<std::string>(const std::string& path, const Entry& entry)>
      made_as_root{};
};

TreeOwners owners_of(const WalkedTree& tree, const Expectation& expected);

// How many of the entries below the root belong to this user.
std::size_t owned_by(const WalkedTree& tree, Uid uid);

// The directories in the root that are this user's with all that is in them, by name. Those that
// others may write are left out, because files of others belong there.
std::vector<std::string> own_directories(const WalkedTree& tree, Uid uid, Gid group);

}  // namespace guard::suggest
