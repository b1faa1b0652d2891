// Where changes come from: what the kernel tells of guarded trees, by whichever way it does. The
// rest of guardd cannot tell one from the other. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "guardd/files/object.h"
#include "guardd/sources/watched_directories.h"
#include "policy/base/result.h"
#include "policy/covered.h"
#include "policy/policy_set.h"
#include "policy/record/record.h"

namespace guard {

// Whether the process that a number stood for is still the one that has it. Borrows a descriptor
// that is good while the notice is.
class Witness {
 public:
  Witness() = default;  // nobody has told
  Witness(bool is_gone, int process) : is_gone_(is_gone), process_(process) {}

  // Asked after the process was looked at: no means that another may have been.
  bool is_still_there() const;

 private:
  bool is_gone_ = false;
  int process_ = -1;
};

// What only a source knows that sees each operation by itself.
struct OperationDetail {
  Operation operation = Operation::kCreate;
  Uid by;                  // whose doing it is
  std::uint64_t time = 0;  // when, in nanoseconds since boot; 0: now
  // The object was made, brought or changed by somebody else than the owner, who could not have
  // made it look so.
  bool is_evidence = false;
  bool is_foreign = false;  // the object was not the owner's when it happened
  bool is_ahead = false;    // it is about to happen, and may fail yet
  // A rename within the tree: what was known of the old name goes with it.
  WatchedDirectory* old_directory = nullptr;
  std::string_view old_name;
};

// One thing that happened to one name.
struct Notice {
  enum class Kind : std::uint8_t {
    kCreated,     // made here, or linked here
    kMovedIn,     // renamed to this name, from elsewhere in the tree or outside
    kAttributes,  // owner, group, mode, link count or extended attributes changed
    kClosed,      // somebody who could write has closed it
    kFound,       // met while looking into a directory that is new here
    // Only where a policy minds.
    kModified,  // written, or cut off
    kRead,      // somebody who could only read has closed it
    kDeleted,
    kMovedOut,  // renamed from this name to somewhere out of the tree
  };
  Kind kind = Kind::kCreated;
  WatchedDirectory* directory = nullptr;
  std::string_view name;  // empty: the root of the tree itself
  FileId object;          // not known on kernels before 5.17, nor before it is there
  bool is_directory = false;
  std::int32_t pid = 0;    // who; for kFound, who brought the directory
  Witness witness;         // of that process
  bool was_moved = false;  // kFound: with a directory that was renamed to here, not made here
  // kFound: the tree's owner cannot have put anything into the directory since it was brought.
  bool out_of_owners_reach = false;
  std::optional<OperationDetail> exactly = std::nullopt;
};

class NoticeReader {
 public:
  NoticeReader() = default;
  NoticeReader(const NoticeReader&) = delete;
  NoticeReader& operator=(const NoticeReader&) = delete;
  virtual ~NoticeReader() = default;

  virtual void noticed(const Notice& notice) noexcept = 0;
  // A violation that is one whatever comes of it: it was refused, or cannot be put right. Its path
  // is that in the tree; what the policy says of it is still to be filled in.
  virtual void violated(std::uint32_t tree, Violation violation, std::uint64_t time) noexcept = 0;
  // The kernel had no room for more: anything may have happened anywhere.
  virtual void lost_notices() noexcept = 0;
  // Something below this directory may be watched no more, or not yet: the tree has to be looked
  // through.
  virtual void lost_sight(std::uint32_t tree, const std::string& why) noexcept = 0;
  // Whether the owner of this tree could change what is in a directory of this state.
  virtual bool owner_can_write(std::uint32_t tree, const ObjectState& directory) noexcept = 0;
};

// What is known of trees, by the numbers that they have now; `numbers` are by those of before.
template <typename Trees>
Trees renumbered(Trees trees, const std::map<std::uint32_t, std::uint32_t>& numbers) {
  Trees now;
  for (const auto& [before, after] : numbers)
    if (const auto at = trees.find(before); at != trees.end())
      now.emplace(after, std::move(at->second));
  return now;
}

class ChangeSource {
 public:
  ChangeSource() = default;
  ChangeSource(const ChangeSource&) = delete;
  ChangeSource& operator=(const ChangeSource&) = delete;
  virtual ~ChangeSource() = default;

  virtual int fd() const = 0;
  virtual WatchedDirectories& directories() = 0;
  // By its path in the tree. Null: it is not watched.
  virtual WatchedDirectory* directory(std::uint32_t tree, std::string_view path) = 0;

  // Trees are as in this set from here on. Until enforced() is called, what is forgotten is only
  // let go of once the new holds.
  virtual Status enforce(std::shared_ptr<const PolicySet> set) = 0;
  virtual void enforced() = 0;

  // Watches a tree's root and the directories below it, on this mount only, but for what is
  // covered: excluded as a whole, or of a tree that is nested in it, which is watched for itself or
  // not at all. What is met is not told: a scan follows. The root is held only while this runs, so
  // that its file system can be unmounted.
  virtual Status watch_tree(std::uint32_t tree, const std::string& path, Covered covered,
                            NoticeReader& reader) = 0;
  // Whether what was watched still is: a file system that was unmounted and mounted again is not,
  // although its root looks the same.
  virtual bool still_watches(std::uint32_t tree, const Object& root) = 0;
  // Something else is covered from here on; look_again() sees to it.
  virtual void cover(std::uint32_t tree, Covered covered) = 0;
  // After a loss, or when the policy has changed. What is known already stays.
  virtual Status look_again(std::uint32_t tree, NoticeReader& reader) = 0;
  virtual void forget_tree(std::uint32_t tree) = 0;
  // See WatchedDirectories.
  virtual void renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) = 0;

  // Somebody still writes what is there by that name: its end is to be told, as kClosed, if that is
  // not told anyway. To be asked again for as long as somebody waits.
  virtual void await_closing(const WatchedDirectory& /*directory*/, std::string_view /*name*/,
                             std::uint64_t /*inode*/) {}

  // Reads what is there, up to a bound, so that the loop gets its turn. True if there may be more.
  virtual bool dispatch(NoticeReader& reader) = 0;
  // What could not be done at once.
  virtual std::optional<std::chrono::steady_clock::time_point> next() const { return std::nullopt; }
  virtual void work(NoticeReader& /*reader*/) {}
};

}  // namespace guard
