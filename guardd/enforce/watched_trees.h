// The trees of the running policies: which of them are there, and watched. Has what is there
// watched and looked through, and lets go of what is not there any more; asks again whenever it is
// told to. A reload keeps hold of every tree that it does not touch. One thread: the daemon's loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "guardd/enforce/enforcer.h"
#include "guardd/files/file_id.h"
#include "guardd/repair/scan_worker.h"
#include "guardd/sources/source.h"
#include "policy/covered.h"
#include "policy/policy_set.h"

namespace guard {

class WatchedTrees {
 public:
  WatchedTrees(ChangeSource& source, Enforcer& enforcer, ScanWorker& scans)
      : source_(source), enforcer_(enforcer), scans_(scans) {}

  // From here on this set counts: what is there of it is watched when this returns.
  void enforce(std::shared_ptr<const PolicySet> set);
  // Something above a tree has changed: they may have come, gone, or been replaced.
  void find();
  // Something may have happened in the tree unnoticed, or part of it may be watched no more.
  void look_through(std::uint32_t tree) { again_.insert(tree); }
  // Watches and looks through what was said to need it: at once, but no tree more than once a
  // moment, for what cannot be watched is said to need it again. True if there was any.
  bool catch_up(SteadyTime now);
  std::optional<SteadyTime> next() const;  // when it has something to do
  void scan_all();
  // Nothing is watched any more.
  void let_go();

  std::vector<std::uint32_t> watched() const;
  std::size_t pending() const { return watched_.size() - watched().size(); }
  // Why the policies cannot be enforced as they should; empty: they can.
  const std::string& denied() const { return denied_; }
  // Why trees that are there cannot be watched.
  const std::map<std::uint32_t, std::string>& troubles() const { return troubles_; }

 private:
  using Numbers = std::map<std::uint32_t, std::uint32_t>;

  bool is_watched(std::uint32_t tree) const { return watched_[tree].known(); }
  bool is_off(std::uint32_t tree) const {
    return set_->policy_of(set_->trees()[tree]).action() == Action::kOff;
  }
  Numbers kept_in(const PolicySet& next) const;
  Covered covered(std::uint32_t tree) const;
  void find_tree(std::uint32_t tree);
  void look_again(std::uint32_t tree);
  void forget(std::uint32_t tree);

  ChangeSource& source_;
  Enforcer& enforcer_;
  ScanWorker& scans_;
  std::shared_ptr<const PolicySet> set_;
  std::vector<FileId> watched_;  // the root of each tree; unknown: it is not there
  std::string denied_;
  std::map<std::uint32_t, std::string> troubles_;
  std::set<std::uint32_t> again_;
  SteadyTime caught_up_;  // when it last did
};

}  // namespace guard
