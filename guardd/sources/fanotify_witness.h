// What fanotify knows of the inodes in guarded trees, as evidence. Looks at an inode by the handle
// in its event, never by a name. The loop reports what events say; threads that repair ask.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "guardd/evidence/inode_history.h"
#include "guardd/evidence/witness.h"
#include "guardd/sources/watched_directories.h"
#include "policy/base/handle.h"
#include "policy/policy_set.h"

namespace guard {

// Whether only root, or a user who can read and write a file anyway, can give it a second name.
bool links_are_protected();

class FanotifyWitness final : public Witness {
 public:
  // The directories must outlive this.
  explicit FanotifyWitness(WatchedDirectories& directories);

  // Held by the loop while it handles events or changes the directories.
  std::mutex& mutex() { return mutex_; }
  void use_policies(std::shared_ptr<const PolicySet> set) { set_ = std::move(set); }

  // The next queue of events, which must outlive this. With the lock held.
  void add_queue(int group) { queues_.emplace_back(group); }
  // Call the first before each read of a queue, and one of the others after it. With the lock held.
  void before_read(std::uint32_t queue, std::int64_t now);
  void after_read(std::uint32_t queue, std::size_t events);
  // `before`: the time before it was looked at, by the clock that stamps files.
  void found_none(std::uint32_t queue, std::int64_t before);
  // Closes what it has opened to look at inodes.
  void end_turn() { roots_.clear(); }

  // What events said of the object with this name, or whose name this was. With the lock held.
  void created(WatchedDirectory& directory, std::string_view name, const FileId& object);
  void found(const WatchedDirectory& directory, std::string_view name, const FileId& object);
  void changed(WatchedDirectory& directory, std::string_view name, const FileId& object);
  // `from` or `to` is null: outside of the tree.
  void moved(WatchedDirectory* from, std::string_view old_name, const WatchedDirectory* to,
             std::string_view name, const FileId& object);
  // Events of this queue: what is known of the inodes in its trees counts no longer.
  void lost(std::uint32_t queue) { queues_[queue].history.forget_all(); }
  // A directory has become known, or what it holds.
  void arrived() { handled_.notify_all(); }
  // Whether a directory was born in this place by another user than the owner.
  bool is_born(const WatchedDirectory& directory, std::string_view name, const FileId& object);

  // See ChangeSource.
  std::optional<std::int64_t> proven_at(const WatchedDirectory& directory, std::string_view name,
                                        const FileId& object);
  void prove_again(const WatchedDirectory& directory, std::string_view name, const FileId& object,
                   std::int64_t changed);

  std::optional<Evidence> evidence_for(const WitnessQuestion& question) override {
    return evidence_for_all({&question, 1}).front();
  }
  std::vector<std::optional<Evidence>> evidence_for_all(
      std::span<const WitnessQuestion> questions) override;
  void stop() override;
  bool has_memory() const override { return true; }
  void remember(const FileId& directory, std::span<const FileId> objects, OwnerIds owner) override;

 private:
  // What is known from the events of one queue, which are in the order of what happened. There is
  // no such order between queues, so each has a memory of its own: all events of an inode in a
  // directory come from the queue of that directory.
  struct Queue {
    explicit Queue(int group);

    int group;
    std::uint64_t events = 0;  // handled so far
    bool was_empty = true;     // at the last read
    BirthTerms births;
    InodeHistory history;
  };
  Queue& queue_of(const WatchedDirectory& directory) { return queues_[directory.queue]; }
  std::uint64_t place_number(const WatchedDirectory& directory) const;
  std::optional<InodePlace> place(const WatchedDirectory& directory, std::string_view name,
                                  const FileId& object) const;
  std::optional<InodeState> look(const WatchedDirectory& directory, const FileId& object);
  void await_arrival(const FileId& directory, std::unique_lock<std::mutex>& lock);
  // The directory, once everything has been handled that happened in it before the first of these
  // calls. `handled`: the queues that it holds for already.
  const WatchedDirectory* up_to_date(const FileId& directory, std::set<std::uint32_t>& handled,
                                     std::unique_lock<std::mutex>& lock);

  std::deque<Queue> queues_;  // stay where they are: questions wait for them
  WatchedDirectories& directories_;
  const InodeKey place_key_;
  std::shared_ptr<const PolicySet> set_;
  std::mutex mutex_;
  std::condition_variable handled_;
  bool is_stopped_ = false;
  std::chrono::steady_clock::time_point arrivals_since_;  // when arrivals_ was 0
  unsigned arrivals_ = 0;                                 // how often one was waited for
  bool were_protected_ = false;                           // links, when the last read began
  std::optional<bool> are_protected_;                     // and after it
  std::map<std::uint32_t, Fd> roots_;                     // by tree, during one turn of the loop
};

}  // namespace guard
