// What the enforcer remembers of single files between notices and across a crash: which changes
// wait to be judged, and which wait for a pause to end. Stores only changes that wait for longer
// than a moment: most are judged before. Runs on the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "guardd/repair_process/repair_process.h"
#include "guardd/settle/settle_queue.h"
#include "guardd/sources/source.h"
#include "guardd/state/store.h"
#include "policy/policy_set.h"

namespace guard {

// A path in a tree, as its directory and its name there.
struct WatchedName {
  WatchedDirectory* directory;  // null: it is not watched
  std::string name;             // empty: the root of the tree
};
WatchedName watched_name(ChangeSource& source, std::uint32_t tree, const std::string& path);

class PendingChanges {
 public:
  static constexpr auto kMoment = std::chrono::milliseconds(400);
  static constexpr auto kLongestMoment = std::chrono::seconds(2);
  static constexpr std::size_t kMostUnsaved = 20'000;
  static constexpr std::size_t kMostExcused = 20'000;

  // `store` may be null: then nothing survives a crash.
  PendingChanges(Store* store, SettleQueue& settle, ChangeSource& source);

  // Judges changes by this set from here on, also those that a pause has excused.
  void use_policies(std::shared_ptr<const PolicySet> set);
  // The tree is watched from here on: its changes that were pending in a crash are pending again.
  void watch(std::uint32_t tree);

  // A change of this name was noticed, and it may take long until it is judged.
  void add(std::uint64_t directory, std::string_view name, SteadyTime now);
  // Saves what has waited for a moment; a longer one while changes can be judged instead.
  void save(SteadyTime now, bool can_judge);
  std::optional<SteadyTime> next() const;  // when there is something to save
  void forget(const FileId& object);

  // Keeps the change of an object that is wrong only because its policy is paused. True if the
  // pause has ended meanwhile, so that the object is judged once more.
  bool is_judged_later(const RepairReport& report, SteadyTime now);
  // Whether a pause has excused what a scan finds. It was reported when it was noticed, and the
  // notice knew more than the scan.
  bool was_excused(const ScanFinding& finding);
  // A complete scan of the tree has not found them.
  void forget_excused_in(std::uint32_t tree);

 private:
  struct UnsavedName {
    SteadyTime time;
    std::uint64_t directory;
    std::string name;
  };

  const Policy& policy_of(std::uint32_t tree) const { return set_->policy_of(set_->trees()[tree]); }
  void excuse(Pending pending);
  const Pending* find_excused(const FileId& object) const;
  std::vector<Pending> excused_in(const std::string& tree) const;
  void forget_excused_in(const std::string& tree);
  void forget_excused_elsewhere();
  void settle_excused(std::uint32_t tree);
  void settle_again(std::uint32_t tree, std::vector<Pending> all);

  Store* store_;
  SettleQueue& settle_;
  ChangeSource& source_;
  std::shared_ptr<const PolicySet> set_;
  std::deque<UnsavedName> unsaved_;                                // the oldest first
  std::unordered_set<FileId> saved_;                               // in the store
  std::unordered_map<std::string, std::vector<Pending>> pending_;  // from a crash, by tree
  std::unordered_map<FileId, Pending> excused_;
};

}  // namespace guard
