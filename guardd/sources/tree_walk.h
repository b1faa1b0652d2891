// The walk through one tree, in steps: opens directories, marks them, waits for the loop's verdict,
// and lists them. A directory is marked and known to the loop before it is listed: the kernel
// reports what comes later, the list holds what came before. Stays on the mount and follows no
// links. Runs on the thread of DirectoryWalks.
#pragma once

#include <dirent.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "guardd/files/file_id.h"
#include "guardd/files/listing.h"
#include "guardd/files/object.h"
#include "guardd/sources/notices.h"
#include "policy/base/handle.h"
#include "policy/base/result.h"
#include "policy/covered.h"

namespace guard {

struct WalkTerms {
  std::string path;  // of the tree's root
  CoveredPart covered;
  std::function<Status(const FileId& id, int directory)> mark;  // EXDEV: see is_apart
  std::function<void(const FileId& id, int directory)> unmark;
};

// Why a directory is walked that has just come.
struct Arrival {
  std::optional<Notice> found;  // each entry is reported as this
  Fd process;                   // see PidCheck
  bool is_gone = false;
};

struct NewName {
  FileId parent;
  std::string parent_path;  // in the tree, as notices said
  std::string name;
  FileId expected;  // unknown: any directory of that name
  std::shared_ptr<const Arrival> arrival;
  bool is_born = false;     // another user than the owner has just created it
  std::uint32_t visit = 0;  // not 0: it was moved during this visit, and is part of it
};

struct WalkedDirectory {
  enum class WatchVerdict : std::uint8_t {
    kList,
    kLeave,   // known already
    kUnmark,  // not watched
  };
  FileId parent;
  std::string name;
  FileId id;
  std::string path;
  std::uint32_t visit = 0;  // 0: of none
  bool is_new_name = false;
  std::string trouble;    // not empty: it cannot be watched
  bool is_apart = false;  // on a file system whose directories the loop has to mark

  // The loop's answer.
  WatchVerdict verdict = WatchVerdict::kLeave;
  std::uint32_t losses = 0;
  std::uint64_t renewal = 0;

  // The walk's own.
  Fd fd;
  InodeId parent_inode;
  std::uint64_t mount = 0;
  std::shared_ptr<const Arrival> arrival;
  bool by_root_alone = false;
};

// Directories that are decided about together.
struct WalkChunk {
  std::vector<WalkedDirectory> directories;
  std::atomic<bool> is_answered = false;
};

struct WalkStep {
  enum class Kind : std::uint8_t {
    kDirectories,
    kEntries,  // of a directory that has just come
    kGone,     // the directory is no longer where it was found
    kTrouble,  // something cannot be watched
    kEnd,      // of a visit
  };
  Kind kind = Kind::kEnd;
  std::uint64_t watch = 0;
  std::shared_ptr<WalkChunk> chunk;
  FileId directory;  // of the entries, or gone
  FileId parent;     // of the one that is gone
  std::string name;
  std::vector<DirectoryEntry> entries;
  std::shared_ptr<const Arrival> arrival;
  bool is_last = false;        // there are no more entries
  bool by_root_alone = false;  // only root can have put the entries there
  std::uint32_t losses = 0;    // as in the answer
  std::uint64_t renewal = 0;
  std::string trouble;
  std::uint32_t visit = 0;
};

class TreeWalk {
 public:
  static constexpr std::size_t kChunk = 128;     // directories
  static constexpr std::size_t kEntries = 256;   // read in one step
  static constexpr std::size_t kMostChunks = 6;  // not answered yet
  static constexpr std::size_t kMostOpen = 512;  // directories that are being listed

  using Put = std::function<void(WalkStep)>;
  TreeWalk(std::uint64_t watch, Put put) : watch_(watch), put_(std::move(put)) {}

  void use(std::shared_ptr<const WalkTerms> terms) { terms_ = std::move(terms); }
  void visit(FileId root, std::uint32_t visit);
  void enter(NewName name) { new_names_.push_back(std::move(name)); }
  void unmark(const std::vector<FileId>& directories);
  void stop();
  // Does a small part of the work. False: there is none, or it waits for answers.
  bool step();

 private:
  struct Level {
    Handle<DIR, ::closedir> listing;  // empty: closed for now
    long position = 0;                // while it is closed
    FileId id;
    InodeId inode;
    std::string path;
    std::shared_ptr<const Arrival> arrival;
    bool by_root_alone = false;
    std::uint32_t visit = 0;
    std::uint32_t losses = 0;
    std::uint64_t renewal = 0;
  };

  bool open_root();
  void close_root();
  void begin_visit();
  void open_new_names();
  Result<Fd> open_parent(const NewName& name);
  void read_levels();
  bool read(Level& level, std::size_t& budget);
  bool resume(Level& level);
  void suspend_oldest();
  bool add(int parent, WalkedDirectory directory);
  void list_answered();
  void list(WalkedDirectory directory);
  void leave(std::uint32_t visit);
  void trouble(const std::string& path, const std::string& why);
  void put_entries(const Level& level, std::vector<DirectoryEntry> entries, bool is_last);

  const std::uint64_t watch_;
  const Put put_;
  std::shared_ptr<const WalkTerms> terms_;
  Object root_;
  Fd root_directory_;  // for listing
  FileId root_id_;
  std::deque<NewName> new_names_;
  std::pair<FileId, Fd> last_parent_;
  std::optional<std::pair<FileId, std::uint32_t>> next_visit_;
  std::uint32_t visit_ = 0;   // under way
  std::size_t in_visit_ = 0;  // directories of it that are not done
  std::deque<Level> levels_;
  std::size_t open_levels_ = 0;
  std::shared_ptr<WalkChunk> chunk_;  // being filled
  std::deque<std::shared_ptr<WalkChunk>> chunks_;
};

}  // namespace guard
