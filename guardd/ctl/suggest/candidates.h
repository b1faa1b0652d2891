// Decides which trees are suggested: whether a policy may have the tree, whether it is already
// guarded, and who owns it. The rest becomes proposals.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "guardd/ctl/machine/machine.h"
#include "guardd/ctl/suggest/package_files.h"
#include "guardd/ctl/suggest/proposal.h"
#include "guardd/ctl/suggest/tree_owners.h"
#include "policy/policy_set.h"

namespace guard::suggest {

using machine::Machine;

struct Candidate {
  std::string path;              // real and normal
  std::string subject;           // what the policy is named after: the unit or the directory
  std::string who;               // "redis-server.service runs as redis"; empty for a tree
  std::optional<Account> owner;  // of a service
  Gid group;                     // of the service
  std::vector<std::string> why;
  bool given = false;
  bool may_be_absent = false;
  bool is_guess = false;
  // Of a container: the owner's number has another name on this machine, or none, so owners are
  // given by number.
  bool by_number = false;
  std::string owner_there;  // then: whom the container calls so, "postgres in container db"
  // If the owner's files and those of these users are all there is, the tree is the owner's.
  std::vector<Uid> displaced;
  // Files that systemd opens for the service, as root.
  std::vector<std::string> logs_of_systemd{};
};

class Candidates {
 public:
  Candidates(const Machine& machine, const PolicySet* present)
      : machine_(machine), present_(present), packages_(machine) {}

  // The path as it was written; problems with it are reported by finish().
  void add(const std::string& path, Candidate candidate);
  void leave_out(const std::string& what, std::string why);

  // `sources`: what the suggestions come from, for the head of the file.
  Suggestion finish(std::string sources = std::string(kMachineSources));

 private:
  std::string why_denied(const std::string& path, bool is_of_service) const;
  void merge_shared();
  void propose(const Candidate& candidate);
  void propose_pending(const Candidate& candidate);
  bool propose_own_directories(const Candidate& candidate, const WalkedTree& tree);
  Proposal proposal_of(const Candidate& candidate, const TreeOwners& owners) const;
  ProposedRule proposed(const Candidate& candidate, const OwnerRule& rule) const;
  std::string user_text(const Candidate& candidate, Uid uid) const;
  std::string group_text(const Candidate& candidate, Gid gid) const;
  std::string error_in(const Proposal& proposal) const;
  void select(const Candidate& candidate, Proposal proposal);
  std::optional<std::string> made_as_root(const Candidate& candidate, const std::string& path,
                                          const Entry& entry);
  std::string free_name(const std::string& wish);
  void merge_and_name();

  const Machine& machine_;
  const PolicySet* present_;
  PackageFiles packages_;
  std::map<std::string, std::vector<Candidate>> by_path_;
  struct Selection {
    Candidate candidate;
    Proposal proposal;
  };
  std::map<std::string, Selection> selected_;  // by path
  std::set<std::string> names_;
  Suggestion suggestion_;
};

}  // namespace guard::suggest
