// Where wrong things came from. Evidence that somebody else than the owner brought a file about is
// only worth something if the owner cannot make us believe it: so what the owner itself moved in,
// and what was found wrong with nobody to tell who did it, is remembered as suspect. A suspect is
// never handed over because of what happens to it later. One thread: the daemon's loop. Bounded.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "guardd/files/file_id.h"
#include "policy/base/ids.h"
#include "policy/words.h"

namespace guard {

// Whether it is known that this very inode was made, chowned or moved in here by somebody else than
// the owner. Only a rename or a link by the owner itself can bring in what the owner must not have.
enum class Evidence : std::uint8_t {
  kNone,
  kSomebodyElse,
  kAsked,  // none, but a person who may do so has asked for it to be put right
};

class Suspects {
 public:
  static constexpr std::size_t kMost = 50'000;

  explicit Suspects(std::size_t most = kMost) : most_(most) {}

  void add(const FileId& id);
  // Once there were more than can be remembered, every file is one: this fails towards not handing
  // over.
  bool is_suspect(const FileId& id) const {
    return overflowed_ || !id.known() || suspects_.contains(id);
  }

 private:
  std::size_t most_;
  std::unordered_set<FileId> suspects_;
  bool overflowed_ = false;
};

// What is wrong and was told of is not told again whenever somebody touches it or a scan meets it,
// but when it is wrong in another way, or left as it is for another reason.
class ReportedStates {
 public:
  static constexpr std::size_t kMost = 20'000;

  struct State {
    Uid uid;
    Gid gid;
    std::uint32_t mode_excess = 0;
    std::uint32_t mode_missing = 0;
    std::uint8_t reason = 0;
    bool operator==(const State&) const = default;
  };

  bool is_known(const FileId& id, const State& state) const;
  void add(const FileId& id, const State& state);
  void forget(const FileId& id) { states_.erase(id); }  // it is right again

 private:
  std::unordered_map<FileId, State> states_;
  std::deque<FileId> oldest_first_;
};

// What was made just now, and how: many a tool makes a file under another name first and gives it
// its own by a rename, which is not what people would say it did.
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

// Notices when guardd and somebody else keep undoing each other.
class OwnershipWar {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr unsigned kReversals = 5;
  static constexpr auto kWithin = std::chrono::minutes(10);
  static constexpr std::size_t kMost = 10'000;

  // It was put right once more.
  void fixed(const FileId& id, Time now);
  // It has been put right so often within so short a time that once more would not help.
  bool is_war(const FileId& id, Time now) const;
  // Whoever says that it is wrong may have seen it before.
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
