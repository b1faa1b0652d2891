// Holds changes until they have settled: nothing more happens for the time of `settle`, and nothing
// below a directory is still waiting. Keeps the process of each change. Never looks at the file
// system. Bounded: a storm becomes "look at this directory". Trees take turns, and a storm in one
// takes no room from the others. One thread: the daemon's loop. The clock is passed in.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "guardd/files/file_id.h"
#include "guardd/host/clock.h"
#include "guardd/sources/watched_directories.h"
#include "policy/words.h"

namespace guard {

class ActingProcess;  // see who/

// The part of a notice that matters for settling.
struct NoticedChange {
  Operation operation = Operation::kCreate;
  std::shared_ptr<const ActingProcess> who;  // null: unknown
  FileId object;
  bool is_directory = false;
  bool is_ahead = false;  // reported before it happens: that may take time, or it may fail
};

struct SettledChange {
  std::uint64_t directory = 0;  // its number
  std::uint32_t tree = 0;
  std::string name;  // empty: the root of the tree, or with look: everything in the directory
  bool look = false;
  NoticedChange seen;
  std::chrono::microseconds settle{};
  unsigned tries = 0;  // how often it was put back
  SteadyTime first_seen;
  std::uint64_t home = 0;  // the id of its WatchedTree
};

class SettleQueue {
 public:
  // Of one tree, and of all.
  static constexpr std::size_t kMostEntries = 20'000;
  static constexpr std::size_t kMostLooks = 4'000;
  static constexpr std::size_t kMostInAll = 400'000;
  // A change that never settles is due after this long, or after four times `settle`.
  static constexpr auto kLongestWait = std::chrono::seconds(10);
  static constexpr auto kLongestWaitBelow = std::chrono::minutes(1);

  explicit SettleQueue(WatchedDirectories& directories, std::size_t most = kMostEntries)
      : directories_(directories), most_(most) {}

  // How many changes of one tree wait at most.
  void set_most(std::size_t most) { most_ = most; }

  // A user other than the owner, or an unknown one, did something that may have to be fixed.
  void seen(WatchedDirectory& directory, std::string_view name, NoticedChange seen,
            std::chrono::microseconds settle, SteadyTime now);
  // Something else happened to the file: it has not settled yet.
  void stirred(WatchedDirectory& directory, std::string_view name, SteadyTime now);
  // The owner closed the file: it has not settled yet, but the directories above it may settle
  // while the owner works below them.
  void closed(WatchedDirectory& directory, std::string_view name, SteadyTime now);
  // The owner has put its own file there: what was known about that name is about another object.
  void replaced(WatchedDirectory& directory, std::string_view name);

  // The change that waits under the old name is about the object of `seen`: copies its origin
  // there.
  void renamed(WatchedDirectory& directory, std::string_view name, NoticedChange& seen);

  // Trees from which nothing is taken, by the ids of their WatchedTrees.
  using Skipped = std::set<std::uint64_t>;
  // The next change that has settled, if there is one. Directories come after their contents.
  std::optional<SettledChange> take(SteadyTime now, const Skipped& skipped = {});
  // Not ready: the file is still open for writing, or the command that made it is still running.
  void put_back(SettledChange due, SteadyTime until);
  // The change that waits under that name; null: none does.
  const NoticedChange* find(const WatchedDirectory& directory, std::string_view name) const;
  std::optional<SteadyTime> next(const Skipped& skipped = {}) const;

  void forget_tree(std::uint32_t tree);
  std::size_t waiting() const { return entries_.size(); }
  std::uint64_t storms() const { return storms_; }
  // Changes for which their trees had no room, by tree, since the last call.
  std::map<std::uint32_t, std::uint64_t> take_merged() { return std::exchange(merged_, {}); }
  // Objects whose changes were dropped since the last call.
  std::vector<FileId> take_dropped() { return std::exchange(dropped_, {}); }
  // Trees with more storms than the queue can hold, since the last call: they have to be scanned.
  std::set<std::uint32_t> take_overflowed() { return std::exchange(overflowed_, {}); }

 private:
  struct KeyView {
    std::uint64_t directory = 0;
    std::string_view name;
    bool look = false;
    bool operator==(const KeyView&) const = default;
  };
  struct Key {
    std::uint64_t directory = 0;
    std::string name;
    bool look = false;
    operator KeyView() const { return {directory, name, look}; }  // NOLINT(google-explicit-*)
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const KeyView& key) const noexcept {
      return std::hash<std::string_view>()(key.name) ^ (key.directory * 2 + (key.look ? 1 : 0));
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const KeyView& one, const KeyView& other) const { return one == other; }
  };
  using Order = std::multimap<SteadyTime, const Key*>;
  struct Entry {
    NoticedChange seen;
    std::chrono::microseconds settle{};
    SteadyTime first_seen;
    unsigned tries = 0;
    std::uint64_t home = 0;
    Order::iterator place{};
  };
  struct Waiting {  // of one tree
    Order order;
    std::size_t looks = 0;
  };
  using Entries = std::unordered_map<Key, Entry, Hash, Equal>;

  void storm(WatchedDirectory& directory, NoticedChange seen, std::chrono::microseconds settle,
             SteadyTime now);
  void merge(Entry& entry, NoticedChange seen);
  bool is_full(const WatchedDirectory& directory) const;
  Entries::iterator find_key(const WatchedDirectory& directory, std::string_view name) {
    return entries_.find(KeyView{directory.number, name});
  }
  std::optional<SettledChange> take_of(std::uint64_t home, SteadyTime now);
  void add(Entries::iterator at, SteadyTime deadline);
  void schedule(Entry& entry, SteadyTime deadline);
  void postpone(Entries::iterator at, SteadyTime now);
  void erase(Entries::iterator at);
  void drop(Entries::iterator at);
  void wake(WatchedDirectory& directory);
  void stir_above(WatchedDirectory& directory, SteadyTime now);

  WatchedDirectories& directories_;
  std::size_t most_;
  Entries entries_;
  std::map<std::uint64_t, Waiting> trees_;  // by the ids of their WatchedTrees
  std::uint64_t last_taken_ = 0;            // the tree of the last change that was taken
  std::uint64_t storms_ = 0;
  std::map<std::uint32_t, std::uint64_t> merged_;
  std::set<std::uint32_t> overflowed_;
  std::vector<FileId> dropped_;
};

}  // namespace guard
