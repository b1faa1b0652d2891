// The audit trail: violations and incidents in a SQLite database, within the limits of the
// settings, written by a thread of its own. Publishing never waits; records without room in the
// queue or on disk are counted by cause. A record survives kill -9 and, if the disk is reliable, a
// loss of power kDelay and one commit later. Fails open: a failure to write is reported once, and
// so is its end. Publish on the daemon's thread only.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "guardd/audit/row_budget.h"
#include "guardd/audit/writer.h"
#include "guardd/base/write_queue.h"
#include "guardd/publish/publisher.h"
#include "policy/base/duration.h"
#include "policy/base/result.h"

namespace guard {

// The file of the trail for a value of [audit] path: a file, a directory, or empty.
std::string trail_path(const std::string& setting, const std::string& state_directory);

class Trail final : public Publisher {
 public:
  static constexpr std::chrono::milliseconds kDelay{500};
  static constexpr std::size_t kMostQueued = 16'384;
  static constexpr std::size_t kMostPolicies = 1'000;  // whose removed records are counted
  static constexpr std::size_t kMostQueuedBytes = std::size_t{32} << 20U;

  struct Limits {
    Duration retention;
    std::uint64_t max_size;                    // of the database and its log
    std::uint32_t rows_a_minute = UINT32_MAX;  // of one policy
    std::uint64_t policy_size = 0;             // of one policy; 0: its share of the whole
  };
  struct DroppedRecords {
    std::uint64_t queue_full = 0;
    std::uint64_t disk = 0;     // writing failed
    std::uint64_t limited = 0;  // more than a policy may add
  };
  struct LastNames {
    std::string incident;
    std::string violation;
  };

  // Creates the directory if necessary; rejects one that other users can write. Renames a damaged
  // database, and waits for a full disk; both are news.
  static Result<std::unique_ptr<Trail>> open(const std::string& path, Limits limits);
  ~Trail() override;  // writes the rest
  Trail(const Trail&) = delete;
  Trail& operator=(const Trail&) = delete;

  void incident_opened(const Incident& incident) noexcept override;
  void violation(const Violation& violation, const Incident& incident) noexcept override;
  void fixed_files(const Violation& first, const FixedFiles& files,
                   const Incident& incident) noexcept override;
  void incident_closed(const Incident& incident) noexcept override;

  void set_limits(Limits limits);
  // The greatest names in the trail when it was opened, so that no name is used twice.
  const LastNames& last_names() const { return last_names_; }

  int fd() const { return queue_.fd(); }  // readable when there is news
  // Why the trail cannot be written, or an empty text if it can again.
  std::vector<std::string> take_news() { return queue_.take_news(); }
  DroppedRecords dropped() const {
    return {queue_.dropped(), dropped_disk_.load(), budget_.dropped()};
  }
  // Records that were removed because their policy had more than its size, by policy.
  BeyondLimit removed() const;
  const RowBudget& budget() const { return budget_; }
  RowBudget& budget() { return budget_; }

 private:
  Trail(std::string path, Limits limits, std::unique_ptr<TrailWriter> writer, LastNames last_names);

  void put(const Violation& violation, const FixedFiles& files, const Incident& incident) noexcept;
  std::size_t take_weight_of(const Violation& violation);
  void write(TrailEntries entries, const std::stop_token& stop);
  Status write_some(const TrailEntries& entries, std::size_t to, const std::stop_token& stop);
  void trim(std::size_t written, const std::stop_token& stop);
  Status reopen(const std::stop_token& stop);
  Status start_anew(const Error& why, const std::stop_token& stop);

  const std::string path_;
  const LastNames last_names_;
  RowBudget budget_;
  std::atomic<std::uint64_t> dropped_disk_{0};
  SharedActor last_actor_;  // only for violation()
  mutable std::mutex mutex_;
  Limits limits_;  // guarded by the mutex, as the next
  BeyondLimit removed_;
  std::unique_ptr<TrailWriter> writer_;  // the writing thread's; null: to be opened again
  WriteQueue<TrailEntry> queue_;         // last: its thread ends before what it uses
};

}  // namespace guard
