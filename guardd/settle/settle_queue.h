// Holds changes until they have come to rest: nothing more for `settle`, and in a directory nothing
// below that still waits. Remembers for each who brought it about, and whether that is evidence.
// Never looks at the file system: whoever takes what is due does. Bounded: a storm becomes "look at
// this directory". One thread: the daemon's loop. The clock is passed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guardd/evidence/evidence.h"
#include "guardd/files/file_id.h"
#include "guardd/host/clock.h"
#include "guardd/sources/watched_directories.h"
#include "policy/words.h"

namespace guard {

class ActingProcess;  // whoever acted; see who/

// What came of one notice, as far as settling is concerned.
struct NoticedChange {
  Operation operation = Operation::kCreate;
  std::shared_ptr<const ActingProcess> who;  // null: not known
  Evidence evidence = Evidence::kNone;
  FileId object;
  bool is_directory = false;
  bool is_ahead = false;  // told before it happened: it may take its time, or not happen at all
};

struct SettledChange {
  std::uint64_t directory = 0;  // its number
  std::uint32_t tree = 0;
  std::string name;  // empty: the root of the tree, or with look: all that is in the directory
  bool look = false;
  NoticedChange seen;
  std::chrono::microseconds settle{};
  unsigned tries = 0;  // how often it was put back
  SteadyTime first_seen;
};

class SettleQueue {
 public:
  static constexpr std::size_t kMostEntries = 20'000;
  static constexpr std::size_t kMostLooks = 4'000;
  // What never comes to rest is looked at all the same after this long, or four times `settle`.
  static constexpr auto kLongestWait = std::chrono::seconds(10);
  static constexpr auto kLongestWaitBelow = std::chrono::minutes(1);

  explicit SettleQueue(WatchedDirectories& directories, std::size_t most = kMostEntries)
      : directories_(directories), most_(most) {}

  // Somebody else than the owner, or nobody knows who, did something that may have to be put right.
  void seen(WatchedDirectory& directory, std::string_view name, NoticedChange seen,
            std::chrono::microseconds settle, SteadyTime now);
  // Something else happened to it: it has not come to rest yet.
  void stirred(WatchedDirectory& directory, std::string_view name, SteadyTime now);
  // The same of what the owner has done to it: it may work below what is still to become its own as
  // much as it likes.
  void closed(WatchedDirectory& directory, std::string_view name, SteadyTime now);
  // The owner has put something of its own there: what was known of that name is about something
  // else.
  void replaced(WatchedDirectory& directory, std::string_view name);

  // What waits of the old name is what `seen` is about now: it came about as that did.
  void renamed(WatchedDirectory& directory, std::string_view name, NoticedChange& seen);
  // Something was lost: what is known of names alone may be about other objects by now.
  void distrust();

  // The next that has come to rest; nothing if there is none. Directories after what is in them.
  std::optional<SettledChange> take(SteadyTime now);
  // It is not ready: somebody writes it still, or the command that made it still runs.
  void put_back(SettledChange due, SteadyTime until);
  // What waits of that name; null: nothing does.
  const NoticedChange* find(const WatchedDirectory& directory, std::string_view name) const;
  std::optional<SteadyTime> next() const;

  void forget_tree(std::uint32_t tree);
  std::size_t waiting() const { return entries_.size(); }
  std::uint64_t storms() const { return storms_; }
  // What was known of these files is worth nothing any more. Taken by asking.
  std::vector<FileId> take_dropped() { return std::exchange(dropped_, {}); }
  // More storms than could be remembered: the trees concerned have to be scanned. Taken by asking.
  std::set<std::uint32_t> take_overflowed() { return std::exchange(overflowed_, {}); }

 private:
  struct Key {
    std::uint64_t directory = 0;
    std::string name;
    bool look = false;
    auto operator<=>(const Key&) const = default;  // NOLINT(modernize-use-nullptr)
  };
  struct Entry {
    NoticedChange seen;
    std::chrono::microseconds settle{};
    SteadyTime first_seen;
    SteadyTime deadline;
    unsigned tries = 0;
  };
  using Entries = std::map<Key, Entry>;

  void storm(WatchedDirectory& directory, NoticedChange seen, std::chrono::microseconds settle,
             SteadyTime now);
  void merge(Entry& entry, NoticedChange seen);
  void schedule(const Key& key, Entry& entry, SteadyTime deadline);
  void postpone(Entries::iterator at, SteadyTime now);
  void erase(Entries::iterator at);
  void drop(Entries::iterator at);
  void wake(WatchedDirectory& directory);
  void stir_above(WatchedDirectory& directory, SteadyTime now);

  WatchedDirectories& directories_;
  std::size_t most_;
  Entries entries_;
  std::set<std::pair<SteadyTime, Key>> order_;
  std::size_t looks_ = 0;
  std::uint64_t storms_ = 0;
  std::set<std::uint32_t> overflowed_;
  std::vector<FileId> dropped_;
};

}  // namespace guard
