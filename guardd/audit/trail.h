// The audit trail: every violation and every incident, kept for as long and as far as the settings
// say, in a SQLite database that is written by a thread of its own. Telling it never waits; what
// has no room in the queue or on the disk is counted by why. What was told survives kill -9 and,
// if the disk keeps its word, a loss of power half a second and one commit later. Fails open: while
// it cannot be written, that is said once, and once more when it can. Publishing: the daemon's
// thread only.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "guardd/audit/writer.h"
#include "guardd/base/inbox.h"
#include "guardd/publish/publisher.h"
#include "policy/base/duration.h"
#include "policy/base/result.h"

namespace guard {

// Where [audit] path says the trail is: a file, a directory, or nothing.
std::string trail_path(const std::string& setting, const std::string& state_directory);

class Trail final : public Publisher {
 public:
  static constexpr std::chrono::milliseconds kDelay{500};
  static constexpr std::size_t kMostQueued = 16'384;
  static constexpr std::size_t kMostQueuedBytes = std::size_t{16} << 20U;

  struct Limits {
    Duration retention;
    std::uint64_t max_size;  // of the database and its log
  };
  struct Dropped {
    std::uint64_t queue_full = 0;
    std::uint64_t disk = 0;  // could not be written
  };
  struct LastNames {
    std::string incident;
    std::string violation;
  };

  // Makes the directory if it is not there; refuses one that others can write. A database that is
  // broken is put aside, and a disk that is full is waited for; either is news.
  static Result<std::unique_ptr<Trail>> open(const std::string& path, Limits limits);
  ~Trail() override;  // writes what is left
  Trail(const Trail&) = delete;
  Trail& operator=(const Trail&) = delete;

  void incident_opened(const Incident& incident) noexcept override;
  void violation(const Violation& violation, const Incident& incident) noexcept override;
  void incident_closed(const Incident& incident) noexcept override;
  void ready(const ReadyNews& /*news*/) noexcept override {}
  void reload(const ReloadNews& /*news*/) noexcept override {}
  void health(const HealthNews& /*news*/) noexcept override {}
  void stop(const StopNews& /*news*/) noexcept override {}

  void set_limits(Limits limits);
  // The greatest names in it when it was opened, so that none is given twice.
  const LastNames& last_names() const { return last_names_; }

  int fd() const { return news_.fd(); }  // readable when there is news
  // Why nothing can be written, or that it can again: an empty one.
  std::vector<std::string> take_news() { return news_.take(); }
  Dropped dropped() const { return {dropped_queue_.load(), dropped_disk_.load()}; }

 private:
  Trail(std::string path, Limits limits, std::unique_ptr<TrailWriter> writer, LastNames last_names);

  bool is_half_full() const {
    return queue_.size() >= kMostQueued / 2 || queued_bytes_ >= kMostQueuedBytes / 2;
  }
  template <typename Make>
  void push(std::size_t weight, Make make) noexcept;
  void run(const std::stop_token& stop);
  void write(TrailEntries entries, const std::stop_token& stop);
  Status write_some(const TrailEntries& entries, std::size_t from, std::size_t to,
                    const std::stop_token& stop);
  void trim(std::size_t written, const std::stop_token& stop);
  Status reopen(const std::stop_token& stop);
  Status begin_anew(const Error& why, const std::stop_token& stop);
  void say(const Status& done, const std::stop_token& stop);

  const std::string path_;
  const LastNames last_names_;
  Inbox<std::string> news_;
  std::atomic<std::uint64_t> dropped_queue_{0};
  std::atomic<std::uint64_t> dropped_disk_{0};
  std::mutex mutex_;
  std::condition_variable_any changed_;
  TrailEntries queue_;
  std::size_t in_hand_ = 0;       // of the writing thread, not written yet
  std::size_t queued_bytes_ = 0;  // in the queue and in hand
  Limits limits_;
  std::unique_ptr<TrailWriter>
      writer_;  // the writing thread's, as those below; null: to be opened anew
  bool in_trouble_;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace guard
