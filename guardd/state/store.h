// What guardd must not forget when it is killed: what waits to be put right and who brought it
// about, which files are suspect, which policies are paused, and what was undone. A SQLite database
// in the state directory, written by a thread of its own; whoever has something to remember never
// waits. What is remembered survives kill -9 at most kDelay after it was said, and a loss of power
// but for the last moments. Fails open: guardd works on without, says so, and counts what it could
// not keep.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "guardd/base/inbox.h"
#include "guardd/files/file_id.h"
#include "guardd/repair/left_alone.h"
#include "guardd/who/acting_process.h"
#include "policy/base/handle.h"
#include "policy/base/result.h"
#include "policy/record/record.h"
#include "policy/words.h"

namespace guard {

// Something that somebody else than the owner did, and that has not been judged yet.
struct Pending {
  std::string tree;  // the path of its root
  std::string path;  // relative to it
  FileId object;
  bool is_directory = false;
  Operation operation = Operation::kCreate;
  std::shared_ptr<const ActingProcess> who;
  bool is_excused = false;  // it was judged, and told, while its policy was paused
};

// A policy that only records for a while.
struct Pause {
  std::string policy;
  std::chrono::system_clock::time_point since;
  std::chrono::system_clock::time_point until;
  std::string reason;
  Uid uid;           // of whoever asked for it
  std::string user;  // the same by name; empty: it has none
  friend bool operator==(const Pause&, const Pause&) = default;
};

class Store {
 public:
  static constexpr std::chrono::milliseconds kDelay{200};
  static constexpr std::size_t kMostQueued = 8'192;
  static constexpr std::int64_t kMostPending = 20'000;
  static constexpr std::int64_t kMostSuspects = 50'000;
  static constexpr std::int64_t kMostPauses = 1'000;
  static constexpr std::int64_t kMostUndone = 50'000;

  struct PendingRow {
    std::vector<Pending> pending;
    std::vector<FileId> suspects;
    std::vector<Pause> pauses;
    std::vector<UndoneFile> undone;  // the oldest first
  };

  // Makes the directory if it is not there. Refuses one that others can write, and one that another
  // guardd uses. A database that is broken is put aside, which `trouble` says.
  static Result<std::unique_ptr<Store>> open(const std::string& directory);
  ~Store();  // writes what is left
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  const PendingRow& remembered() const { return remembered_; }
  PendingRow take_remembered() { return std::exchange(remembered_, {}); }

  void keep(Pending pending) { push(std::move(pending)); }
  void forget(FileId object) { push(Removal{std::move(object)}); }
  void keep_suspect(FileId object) { push(Suspect{std::move(object)}); }
  void keep_pause(Pause pause) { push(std::move(pause)); }  // in the place of another of its policy
  void forget_pause(std::string policy) { push(ResumedPolicy{std::move(policy)}); }
  void keep_undone(UndoneFile file) { push(std::move(file)); }  // from any thread

  int fd() const { return news_.fd(); }  // readable when there is news
  // Why nothing can be kept, or that it can again: an empty one.
  std::vector<std::string> take_news() { return news_.take(); }
  std::uint64_t dropped() const { return dropped_.load(); }

 private:
  struct Removal {
    FileId object;
  };
  struct Suspect {
    FileId object;
  };
  struct ResumedPolicy {
    std::string policy;
  };
  using Entry = std::variant<Pending, Removal, Suspect, Pause, ResumedPolicy, UndoneFile>;
  class Writer;

  Store(Fd lock, std::unique_ptr<Writer> writer, PendingRow remembered);

  void push(Entry entry);
  void run(const std::stop_token& stop);
  void write(const std::deque<Entry>& entries, const std::stop_token& stop);

  Fd lock_;
  std::unique_ptr<Writer> writer_;
  PendingRow remembered_;
  Inbox<std::string> news_;
  std::atomic<std::uint64_t> dropped_{0};
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Entry> queue_;
  bool in_trouble_ = false;  // the writing thread's
  std::jthread thread_;      // last: it ends before what it uses
};

}  // namespace guard
