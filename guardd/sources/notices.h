// What a source reports of guarded trees, and who reads it. Plain data: a notice is valid only
// during the call that hands it over. One thread: the daemon's loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "guardd/files/object.h"
#include "guardd/sources/watched_directories.h"
#include "policy/record/record.h"

namespace guard {

// Checks whether a pid still stands for the process that a notice is about. Borrows a pidfd that is
// valid as long as the notice is.
class PidCheck {
 public:
  PidCheck() = default;  // the kernel did not report a pidfd
  PidCheck(bool is_gone, int process) : is_gone_(is_gone), process_(process) {}

  // Call it after reading the process's facts: if not, they may be those of another process.
  bool is_same_process() const;

 private:
  bool is_gone_ = false;
  int process_ = -1;
};

// What only a source knows that sees each operation by itself.
struct OperationDetail {
  Operation operation = Operation::kCreate;
  Uid by;
  std::uint64_t time = 0;  // in nanoseconds since boot; 0: now
  bool is_ahead = false;   // it is about to happen, and may still fail
  // A rename within the tree: what was known about the old name moves to the new one.
  WatchedDirectory* old_directory = nullptr;
  std::string_view old_name;
};

// One thing that happened to one name.
struct Notice {
  enum class Kind : std::uint8_t {
    kCreated,     // created or linked here
    kMovedIn,     // renamed to this name, from inside or outside the tree
    kAttributes,  // owner, group, mode, link count or extended attributes changed
    kClosed,      // closed after it was open for writing
    kFound,       // listed in a directory that is new here
    // Reported only if a guard of the policy needs it.
    kModified,  // written or truncated
    kRead,      // closed after it was open for reading only
    kDeleted,
    kMovedOut,  // renamed from this name to a place outside the tree
  };
  Kind kind = Kind::kCreated;
  WatchedDirectory* directory = nullptr;
  std::string_view name;  // empty: the root of the tree itself
  FileId object;          // unknown before Linux 5.17, and for an object that does not exist yet
  bool is_directory = false;
  std::int32_t pid = 0;  // kFound: of the process that created or moved the directory
  PidCheck pid_check;
  bool was_moved = false;  // kFound: the directory was moved here, not created here
  std::optional<OperationDetail> detail = std::nullopt;
};

class NoticeReader {
 public:
  NoticeReader() = default;
  NoticeReader(const NoticeReader&) = delete;
  NoticeReader& operator=(const NoticeReader&) = delete;
  virtual ~NoticeReader() = default;

  virtual void noticed(const Notice& notice) noexcept = 0;
  // A violation whatever happens next: it was denied, or cannot be fixed. Its path is relative to
  // the tree; the fields of the policy are not filled in yet.
  virtual void violated(std::uint32_t tree, Violation violation, std::uint64_t time) noexcept = 0;
  // The kernel's queue overflowed: anything may have happened anywhere.
  virtual void lost_notices() noexcept = 0;
  // A directory in this tree may be unwatched: the tree has to be scanned.
  virtual void lost_sight(std::uint32_t tree, const std::string& why) noexcept = 0;
};

}  // namespace guard
