// What fanotify's events say of the inodes in guarded trees: which were born there, and which
// were right there until another user took them. An inode is known at one place only: its
// directory. It is forgotten when it leaves. Bounded: beyond the bound there is no evidence. No
// system calls. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "guardd/evidence/evidence.h"
#include "guardd/evidence/inode_set.h"
#include "guardd/files/file_id.h"
#include "policy/change.h"

namespace guard {

// Where an inode is. The number of a directory changes when the directory leaves its tree, or when
// other terms may apply below it, and is never used again.
struct InodePlace {
  const FileId& object;
  std::uint64_t directory = 0;
  OwnerIds wanted;  // the owner and group that the policy wants there
};

// An inode as it was when an event of it was read. Times are nanoseconds since 1970, of the clock
// that stamps files.
struct InodeState {
  ObjectState state;
  std::optional<std::int64_t> born;
  std::int64_t changed = 0;  // its ctime
};

bool is_right(const ObjectState& state, OwnerIds wanted);

// What can be said about the events of creations that are read now.
struct BirthTerms {
  std::int64_t not_before = 0;      // all that was created here before this time is known
  bool links_are_protected = true;  // only root, or who can read and write it, can link a file
};

class InodeHistory {
 public:
  static constexpr std::size_t kMostBorn = 500'000;
  static constexpr std::size_t kMostOwned = 2'000'000;

  explicit InodeHistory(InodeKey::Seed seed, std::size_t most_born = kMostBorn,
                        std::size_t most_owned = kMostOwned)
      : key_(seed), proven_(most_born), owned_(most_owned) {}

  // A name was created for it: it was born, or linked.
  void created(const InodePlace& place, const InodeState& inode, const BirthTerms& terms);
  // It is known from elsewhere: it was in a new directory that only root can have filled, or there
  // was evidence before a restart and it has not changed since.
  void found(const InodePlace& place);
  // Its owner or mode has changed.
  void changed(const InodePlace& place, const ObjectState& state);
  void moved(const InodePlace& from, const InodePlace& to);
  // It came from outside the tree: what was known about it counts no longer.
  void arrived(const InodePlace& place, const ObjectState& state);
  void left(const InodePlace& place);
  // It has the right owner and group, and its mode hides it from others.
  void remember(const InodePlace& place);
  // Events were lost: any inode may have left.
  void forget_all();

  std::optional<Evidence> evidence_for(const InodePlace& place) const;

  std::size_t size() const { return proven_.size() + owned_.size(); }
  std::size_t bytes() const { return proven_.bytes() + owned_.bytes(); }
  // How often there was no room.
  std::uint64_t dropped() const { return dropped_; }

 private:
  std::uint64_t key(const InodePlace& place) const;
  void note(InodeSet& set, std::uint64_t key);
  void forget(std::uint64_t key);

  InodeKey key_;
  InodeSet proven_;  // born here, or taken from the owner: see kTaken
  InodeSet owned_;
  std::uint64_t dropped_ = 0;
};

}  // namespace guard
