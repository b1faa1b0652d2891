// What the enforcer remembers of single files, so that it reports each state once, names the right
// operation, and stops when another program keeps undoing its fixes. Says nothing about who may get
// a file: see evidence/. Bounded. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "guardd/files/file_id.h"
#include "policy/base/ids.h"
#include "policy/words.h"

namespace guard {

// The wrong states that were reported. A file is reported again only if it is wrong in another way
// or left as it is for another reason, not whenever it is touched or scanned. Also counts what was
// left, by tree.
class ReportedStates {
 public:
  static constexpr std::size_t kMost = 20'000;
  using Time = std::chrono::steady_clock::time_point;

  struct State {
    Uid uid;
    Gid gid;
    std::uint32_t mode_excess = 0;
    std::uint32_t mode_missing = 0;
    std::uint8_t reason = 0;
    bool operator==(const State&) const = default;
  };

  // Whether it was added before. `tree`: the path of its tree.
  bool is_known(const FileId& id, const State& state, const std::string& tree, Time now);
  void forget(const FileId& id) { states_.erase(id); }  // it is correct again
  // A complete scan of the tree that began then has met all that are still there: the others count
  // no longer.
  void discount_unseen(const std::string& tree, Time since);
  // How many were left for this reason.
  std::size_t count(const std::string& tree, std::uint8_t reason) const;

 private:
  struct Record {
    State state;
    std::string tree;
    Time seen;
    bool counts = true;
  };
  std::unordered_map<FileId, Record> states_;
  std::deque<FileId> oldest_first_;
};

// The files created in the last moments, and how: many tools create a file under a temporary name
// and rename it, and people expect a report of the creation.
class JustCreated {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kMost = 1'000;
  static constexpr auto kYoung = std::chrono::seconds(2);

  void add(const FileId& id, Operation made, Time now);
  std::optional<Operation> find(const FileId& id, Time now) const;

 private:
  struct Creation {
    Operation operation;
    Time time;
  };
  std::unordered_map<FileId, Creation> made_;
  std::deque<FileId> oldest_first_;
};

// Notices when guardd and another program keep undoing each other's changes.
class OwnershipWar {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr unsigned kReversals = 5;
  static constexpr auto kWithin = std::chrono::minutes(10);
  static constexpr std::size_t kMost = 10'000;

  // The file was fixed once more.
  void fixed(const FileId& id, Time now);
  // It was fixed so often in so short a time that another fix would not help.
  bool is_war(const FileId& id, Time now) const;
  // A report that it is wrong may be older than the fix.
  bool was_just_fixed(const FileId& id, Time now) const;

 private:
  static constexpr auto kJustNow = std::chrono::seconds(5);

  struct Record {
    Time first;
    Time last;
    unsigned count = 0;
  };
  std::unordered_map<FileId, Record> records_;
  std::deque<FileId> oldest_first_;
};

}  // namespace guard
