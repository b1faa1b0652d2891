// What fanotify knows of the inodes in guarded trees, as evidence. Looks at an inode by the handle
// in its event, never by a name. The loop reports what events say; threads that repair ask.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
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
  // `group`: the events that are still to be read. It and the directories must outlive this.
  FanotifyWitness(int group, const WatchedDirectories& directories);

  // Held by the loop while it handles events or changes the directories.
  std::mutex& mutex() { return mutex_; }
  void use_policies(std::shared_ptr<const PolicySet> set) { set_ = std::move(set); }

  // Call the first before each read, and one of the others after it. With the lock held.
  void before_read();
  void after_read(std::size_t events);
  void found_none();
  // Closes what it has opened to look at inodes.
  void end_turn() { roots_.clear(); }

  // What events said of the object with this name, or whose name this was. With the lock held.
  void created(const WatchedDirectory& directory, std::string_view name, const FileId& object);
  void found(const WatchedDirectory& directory, std::string_view name, const FileId& object);
  void changed(const WatchedDirectory& directory, std::string_view name, const FileId& object);
  // `from` or `to` is null: outside of the tree.
  void moved(const WatchedDirectory* from, std::string_view old_name, const WatchedDirectory* to,
             std::string_view name, const FileId& object);
  void lost() { history_.forget_all(); }
  // Whether a directory was born in this place by another user than the owner.
  bool is_born(const WatchedDirectory& directory, std::string_view name, const FileId& object);

  // See ChangeSource.
  std::optional<std::int64_t> proven_at(const WatchedDirectory& directory, std::string_view name,
                                        const FileId& object);
  void prove_again(const WatchedDirectory& directory, std::string_view name, const FileId& object,
                   std::int64_t changed);

  std::optional<Evidence> evidence_for(const WitnessQuestion& question) override;
  void stop() override;
  std::vector<int> descriptors() const override { return {group_}; }
  bool has_memory() const override { return true; }
  void remember(const FileId& directory, std::span<const FileId> objects, OwnerIds owner) override;

 private:
  std::optional<InodePlace> place(const WatchedDirectory& directory, std::string_view name,
                                  const FileId& object) const;
  std::optional<InodeState> look(const WatchedDirectory& directory, const FileId& object);

  const int group_;
  const WatchedDirectories& directories_;
  std::shared_ptr<const PolicySet> set_;
  std::mutex mutex_;
  std::condition_variable handled_;
  std::uint64_t events_ = 0;  // handled so far
  bool is_stopped_ = false;
  std::int64_t read_at_ = 0;
  bool was_empty_ = true;              // the queue, at the last read
  bool were_protected_ = false;        // links, when the last read began
  std::optional<bool> are_protected_;  // and after it
  BirthTerms births_;
  InodeHistory history_;
  std::map<std::uint32_t, Fd> roots_;  // by tree, during one turn of the loop
};

}  // namespace guard
