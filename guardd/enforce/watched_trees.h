// The trees of the policies in force: has existing ones watched and scanned, and releases those
// that are gone. A reload keeps every tree that it does not change. Runs on the daemon's loop.
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
#include "guardd/files/object.h"
#include "guardd/host/mount_table.h"
#include "guardd/repair_process/repair_process.h"
#include "guardd/sources/permission_marks.h"
#include "guardd/sources/source.h"
#include "policy/covered.h"
#include "policy/policy_set.h"

namespace guard {

class WatchedTrees {
 public:
  // `marks` may be null.
  WatchedTrees(ChangeSource& source, PermissionMarks* marks, Enforcer& enforcer,
               RepairProcess& repairs)
      : source_(source), marks_(marks), enforcer_(enforcer), repairs_(repairs) {}

  // Enforces this set from here on. Its existing trees are watched once they have been visited.
  void use_policies(std::shared_ptr<const PolicySet> set);
  // A directory above a tree has changed: trees may have appeared, gone, or been replaced.
  void find();
  // A change in the tree may have been missed, or a part of it may not be watched.
  void scan_again(std::uint32_t tree) { again_.insert(tree); }
  // Watches and scans the trees that need it again, each at most once a second, and scans those
  // that cannot be watched. True if a change may have been missed.
  bool catch_up(SteadyTime now);
  std::optional<SteadyTime> next() const;  // when catch_up() has work
  // Scans the trees that the source has just visited. Call it after the source has worked.
  void scan_visited();
  // Trees that are not watched as a whole yet: how many of their directories are.
  std::map<std::uint32_t, std::size_t> visits() const { return source_.visits(); }
  void scan_all();
  // Stops watching all trees.
  void release();

  std::vector<std::uint32_t> watched() const;
  std::size_t pending() const { return watched_.size() - watched().size(); }
  // See Enforcer::unproven_in().
  std::size_t unproven(std::uint32_t tree) const {
    return enforcer_.unproven_in(set_->trees()[tree].path);
  }
  // Why the source cannot enforce the policies as they are; empty if it can.
  const std::string& denied() const { return denied_; }
  // Why trees that are there cannot be watched, or only in part.
  std::map<std::uint32_t, std::string> troubles() const;

 private:
  using Numbers = std::map<std::uint32_t, std::uint32_t>;

  bool is_watched(std::uint32_t tree) const { return watched_[tree].known(); }
  bool is_off(std::uint32_t tree) const {
    return set_->policy_of(set_->trees()[tree]).action() == Action::kOff;
  }
  Numbers unchanged_in(const PolicySet& next) const;
  CoveredPart covered(std::uint32_t tree) const;
  MountTable mounts_to_avoid() const;
  void find_tree(std::uint32_t tree, const MountTable& mounts);
  void watch_tree(std::uint32_t tree, const Object& root);
  void use_again(std::uint32_t tree);
  void look_again(std::uint32_t tree);
  void replace(std::uint32_t tree);
  void forget(std::uint32_t tree);
  void scan(std::uint32_t tree);

  ChangeSource& source_;
  PermissionMarks* marks_;
  Enforcer& enforcer_;
  RepairProcess& repairs_;
  std::shared_ptr<const PolicySet> set_;
  std::vector<FileId> watched_;  // the root of each tree; unknown: it is not watched
  std::string denied_;
  std::map<std::uint32_t, std::string> troubles_;  // of trees that are scanned instead
  SteadyTime scanned_at_;                          // when they last were
  std::set<std::uint32_t> new_;                    // trees that are visited for the first time
  std::set<std::uint32_t> again_;
  SteadyTime caught_up_;  // when catch_up() last had work
};

}  // namespace guard
