// Notices: what fanotify tells of the directories of guarded trees, after it has happened. Marks
// directories, and only those; never holds anybody up, never judges, never changes a file. Keeps up
// with new, moved and vanished directories by itself. One thread: the daemon's loop.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "guardd/object.h"
#include "guardd/sources/covered.h"
#include "guardd/sources/watched_directories.h"
#include "policy/base/handle.h"
#include "policy/base/result.h"

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

// One thing that happened to one name.
struct Notice {
  enum class Kind : std::uint8_t {
    kCreated,     // made here, or linked here
    kMovedIn,     // renamed to this name, from elsewhere in the tree or outside
    kAttributes,  // owner, group, mode, link count or extended attributes changed
    kClosed,      // somebody who could write has closed it
    kFound,       // met while looking into a directory that is new here
  };
  Kind kind = Kind::kCreated;
  WatchedDirectory* directory = nullptr;
  std::string_view name;  // empty: the root of the tree itself
  FileId object;          // not known on kernels before 5.17
  bool is_directory = false;
  std::int32_t pid = 0;    // who; for kFound, who brought the directory
  Witness witness;         // of that process
  bool was_moved = false;  // kFound: with a directory that was renamed to here, not made here
  // kFound: the tree's owner cannot have put anything into the directory since it was brought.
  bool out_of_owners_reach = false;
};

class NoticeReader {
 public:
  NoticeReader() = default;
  NoticeReader(const NoticeReader&) = delete;
  NoticeReader& operator=(const NoticeReader&) = delete;
  virtual ~NoticeReader() = default;

  virtual void noticed(const Notice& notice) noexcept = 0;
  // The kernel had no room for more: anything may have happened anywhere.
  virtual void lost_notices() noexcept = 0;
  // Something below this directory may be watched no more, or not yet: the tree has to be looked
  // through.
  virtual void lost_sight(std::uint32_t tree, const std::string& why) noexcept = 0;
  // Whether the owner of this tree could change what is in a directory of this state.
  virtual bool owner_can_write(std::uint32_t tree, const ObjectState& directory) noexcept = 0;
};

class NoticeSource {
 public:
  // Asks for the richest reports first; what the kernel does not know is done without.
  // `tell_whether_gone` costs a descriptor a notice: for whoever has no other way to know a process
  // for sure.
  static Result<NoticeSource> create(bool tell_whether_gone);

  int fd() const { return group_.get(); }
  bool names_objects() const { return names_objects_; }
  WatchedDirectories& directories() { return directories_; }

  // Marks a tree's root and the directories below it, on this mount only, but for what is covered:
  // excluded as a whole, or of a tree that is nested in it, which is watched for itself or not at
  // all. What is met is not told: a scan follows. The root is held only while this runs, so that
  // its file system can be unmounted.
  Status watch_tree(std::uint32_t tree, const std::string& path, Covered covered,
                    NoticeReader& reader);
  // Something else is covered from here on; look_again() sees to the marks.
  void cover(std::uint32_t tree, Covered covered);
  // After a loss: finds the directories that came, went and moved unnoticed. What is known of the
  // others stays.
  Status look_again(std::uint32_t tree, NoticeReader& reader);
  void forget_tree(std::uint32_t tree);
  // See WatchedDirectories.
  void renumber(const std::map<std::uint32_t, std::uint32_t>& numbers);

  // Reads what is there, up to a bound, so that the loop gets its turn. True if there may be more.
  bool dispatch(NoticeReader& reader);

 private:
  struct Event;

  NoticeSource(Fd group, bool names_objects)
      : group_(std::move(group)), names_objects_(names_objects) {}

  void handle(const Event& event, NoticeReader& reader);
  void directory_came(const Event& event, WatchedDirectory& parent, NoticeReader& reader);
  void verify(WatchedDirectory& directory, NoticeReader& reader);
  Status mark(int directory) const;
  void unmark(const WatchedDirectory& directory) const;
  bool is_nested(const WatchedDirectory& directory, std::string_view name) const;
  // Nothing of what is in it has to be noticed.
  bool is_covered(const WatchedDirectory& directory, std::string_view name) const;
  // How a directory came here, for what is met in it. No pid: nobody brought it, and nothing is
  // told.
  struct Arrival {
    std::int32_t pid = 0;
    Witness witness;
    bool was_moved = false;
    bool again = false;  // what is known already is visited too
  };
  void adopt(Fd directory, WatchedDirectory& node, Arrival arrival, NoticeReader& reader);
  // The directory itself, found by its names and known by its identity.
  Result<Object> locate(const WatchedDirectory& directory) const;

  Fd group_;
  bool names_objects_ = false;
  WatchedDirectories directories_;
  std::uint32_t visit_ = 0;
  struct Place {
    std::string path;
    Covered covered;
  };
  std::unordered_map<std::uint32_t, Place> trees_;
};

}  // namespace guard
