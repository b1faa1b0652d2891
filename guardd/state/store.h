// What survives a crash of guardd: pending changes with their actors, pauses, undone files, and the
// last valid settings and policies. A SQLite database in the state directory, written by a thread
// of its own; callers never wait. An entry survives kill -9 kDelay after it was added, and a loss
// of power a moment later. Fails open: without the database guardd keeps working, reports that, and
// counts the entries it could not store.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "guardd/base/rules.h"
#include "guardd/base/write_queue.h"
#include "guardd/files/file_id.h"
#include "guardd/repair/left_alone.h"
#include "guardd/who/acting_process.h"
#include "policy/base/handle.h"
#include "policy/base/result.h"
#include "policy/record/record.h"
#include "policy/words.h"

namespace guard {

// A change by a user other than the owner that has not been judged yet.
struct Pending {
  std::string tree;  // the path of the tree's root
  std::string path;  // relative to the tree
  FileId object;
  bool is_directory = false;
  Operation operation = Operation::kCreate;
  std::shared_ptr<const ActingProcess> who;
  bool is_excused = false;  // it was judged and reported while its policy was paused
  // The object's ctime when there was evidence for it. It counts as long as the ctime is the same.
  std::optional<std::int64_t> proven_at;
};

// A period in which a policy only logs.
struct Pause {
  std::string policy;
  std::chrono::system_clock::time_point since;
  std::chrono::system_clock::time_point until;
  std::string reason;
  Uid uid;           // of the requesting user
  std::string user;  // the name of that user, if any
  friend bool operator==(const Pause&, const Pause&) = default;
};

class Store {
 public:
  static constexpr std::chrono::milliseconds kDelay{200};
  static constexpr std::size_t kMostQueued = 8'192;
  static constexpr std::int64_t kMostPending = 20'000;
  static constexpr std::int64_t kMostPauses = 1'000;
  static constexpr std::int64_t kMostUndone = 50'000;

  struct PendingRow {
    std::vector<Pending> pending;
    std::vector<Pause> pauses;
    std::vector<FileVersion> undone;  // the oldest first
    std::optional<RuleTexts> rules;
  };

  // Creates the directory if necessary. Rejects one that other users can write or another guardd
  // uses. Renames a damaged database and starts a new one, which is news.
  static Result<std::unique_ptr<Store>> open(const std::string& directory);
  ~Store();  // writes the rest
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  const PendingRow& remembered() const { return remembered_; }
  PendingRow take_remembered() { return std::exchange(remembered_, {}); }

  void keep(Pending pending) { push(std::move(pending)); }
  void forget(FileId object) { push(Removal{std::move(object)}); }
  void keep_pause(Pause pause) { push(std::move(pause)); }  // replaces another of the same policy
  void forget_pause(std::string policy) { push(ResumedPolicy{std::move(policy)}); }
  void keep_undone(FileVersion file) { push(std::move(file)); }  // from any thread
  void keep_rules(RuleTexts texts) { push(std::move(texts)); }   // replaces the last ones

  int fd() const { return queue_.fd(); }  // readable when there is news
  // Why entries cannot be stored, or an empty text if they can again.
  std::vector<std::string> take_news() { return queue_.take_news(); }
  std::uint64_t dropped() const { return queue_.dropped() + unwritten_.load(); }

 private:
  struct Removal {
    FileId object;
  };
  struct ResumedPolicy {
    std::string policy;
  };
  using Entry = std::variant<Pending, Removal, Pause, ResumedPolicy, FileVersion, RuleTexts>;
  using Queue = WriteQueue<Entry>;
  class Writer;

  Store(Fd lock, std::unique_ptr<Writer> writer, PendingRow remembered);

  void push(Entry entry);
  void write(const Queue::Entries& entries, const std::stop_token& stop);

  Fd lock_;
  std::unique_ptr<Writer> writer_;
  PendingRow remembered_;
  std::atomic<std::uint64_t> unwritten_{0};
  std::optional<RuleTexts> rules_;  // the writing thread's: not written yet
  Queue queue_;                     // last: its thread ends before what it uses
};

}  // namespace guard
