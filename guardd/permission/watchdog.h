// Limits how long an open waits: answers in place of a reader that is too slow, and ends the
// process when a reader is stuck, so that the kernel releases every waiting open. One thread of
// its own, asleep while no open waits.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "guardd/permission/decision.h"
#include "guardd/permission/pending_opens.h"

namespace guard {

class PermissionWatchdog {
 public:
  static constexpr std::size_t kMostReaders = 4;

  explicit PermissionWatchdog(AnswerCounters& counters) : counters_(counters) {}
  void start();
  void use_settings(const AnswerSettings& settings);

  // A reader's: an open begins to wait, or is answered.
  void add(std::shared_ptr<PermissionEvent> event, PendingOpens::Time now) {
    pending_.add(std::move(event), now);
  }
  // False: it has been answered already.
  bool answer(PermissionEvent& event, bool allow) {
    const bool is_first = event.answer(allow);
    pending_.remove(event);
    return is_first;
  }
  // The reader with this number begins or ends its work on a few opens: it reads them, answers
  // them, and closes their files.
  void begin(std::size_t reader);
  void end(std::size_t reader) { busy_since_.at(reader) = 0; }

 private:
  void run(const std::stop_token& stop);
  std::int64_t busy_since() const;

  AnswerCounters& counters_;
  PendingOpens pending_;
  std::mutex mutex_;
  AnswerSettings settings_;
  std::condition_variable_any changed_;
  std::atomic<bool> is_awake_ = false;
  // Monotonic nanoseconds, by reader; 0: it is idle.
  std::array<std::atomic<std::int64_t>, kMostReaders> busy_since_{};
  std::jthread thread_;  // last: it ends before what it uses
};

// While it exists, the reader is at work.
class BusyReader {
 public:
  BusyReader(PermissionWatchdog& watchdog, std::size_t reader)
      : watchdog_(watchdog), reader_(reader) {
    watchdog_.begin(reader);
  }
  ~BusyReader() { watchdog_.end(reader_); }
  BusyReader(const BusyReader&) = delete;
  BusyReader& operator=(const BusyReader&) = delete;

 private:
  PermissionWatchdog& watchdog_;
  const std::size_t reader_;
};

}  // namespace guard
