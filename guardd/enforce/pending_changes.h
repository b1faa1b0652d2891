// What the enforcer remembers of single files from one notice to the next, and over a crash: which
// are suspect, which wait to be judged, and which wait for a pause to end. Of those to judge, only
// what waits for longer than a moment is kept in the store: most is judged before that. One thread:
// the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "guardd/evidence/evidence.h"
#include "guardd/settle/settle_queue.h"
#include "guardd/state/store.h"
#include "policy/policy_set.h"

namespace guard {

class PendingChanges {
 public:
  static constexpr auto kMoment = std::chrono::milliseconds(400);
  static constexpr std::size_t kMostSeen = 20'000;
  static constexpr std::size_t kMostExcused = 20'000;

  explicit PendingChanges(Store* store);

  // Whatever was known of how it came here is worth nothing.
  void suspect(const FileId& object);
  bool is_suspect(const FileId& object) const { return suspects_.is_suspect(object); }

  // There is evidence of that name, and it may take long to be judged.
  void seen(std::uint64_t directory, std::string_view name, SteadyTime now);
  // Keeps what has been waiting for a moment.
  void keep(const SettleQueue& settle, const WatchedDirectories& directories, const PolicySet& set,
            SteadyTime now);
  std::optional<SteadyTime> next() const;  // when there is something to keep
  void judged(const FileId& object);

  // It is wrong, by somebody else's doing, and left as it is while its policy is paused. What has
  // no room is left to the scan at the end.
  void excuse(Pending pending);
  // Until it is judged; null: it is none of these.
  const Pending* find_excused(const FileId& object) const;
  std::vector<Pending> excused_in(const std::string& tree) const;
  // All of that tree was looked at without meeting it.
  void forget_excused_in(const std::string& tree);
  // Of other trees than these nothing is to be put right any more.
  void keep_excused_of(const PolicySet& set);

  // What was pending in this tree when guardd was killed.
  std::vector<Pending> take_pending(const std::string& tree);

 private:
  struct Name {
    SteadyTime time;
    std::uint64_t directory;
    std::string name;
  };

  Store* store_;
  Suspects suspects_;
  std::deque<Name> seen_;                                          // the oldest first
  std::unordered_set<FileId> kept_;                                // in the store
  std::unordered_map<std::string, std::vector<Pending>> pending_;  // by tree
  std::unordered_map<FileId, Pending> excused_;
};

}  // namespace guard
