// A bounded queue that a thread of its own writes to disk in batches, with news for the daemon's
// loop. Adding an entry never waits; entries beyond the bounds are dropped and counted.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "guardd/base/inbox.h"
#include "policy/base/result.h"

namespace guard {

template <typename Entry>
class WriteQueue {
 public:
  using Entries = std::deque<Entry>;
  // Writes a batch on the queue's thread. The batch is empty at the start and after `idle`.
  using Write = std::function<void(Entries batch, const std::stop_token& stop)>;

  struct Limits {
    std::size_t entries;
    std::size_t bytes;
    std::chrono::milliseconds delay;  // entries wait so long for others: one transaction for many
    std::chrono::seconds idle;
  };

  WriteQueue(Limits limits, bool is_failing, Write write)
      : limits_(limits),
        write_(std::move(write)),
        is_failing_(is_failing),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}
  ~WriteQueue() {  // writes the rest
    thread_.request_stop();
    changed_.notify_all();
  }
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;

  // Copies the entry only if there is room for it, and outside the lock. Another thread may take
  // the last room meanwhile; then the queue is one entry too long. `records`: how many are lost if
  // there is no room.
  template <typename Make>
  void push(std::size_t bytes, Make make, std::size_t records = 1) noexcept {
    try {
      {
        const std::lock_guard lock(mutex_);
        if (queue_.size() + unwritten_ >= limits_.entries || bytes_ + bytes > limits_.bytes) {
          dropped_.fetch_add(records);
          return;
        }
      }
      Entry entry(make());
      const std::lock_guard lock(mutex_);
      const bool was_half_full = is_half_full();
      queue_.push_back(std::move(entry));
      bytes_ += bytes;
      if (queue_.size() == 1 || (!was_half_full && is_half_full())) changed_.notify_one();
    } catch (const std::exception&) {  // out of memory
      dropped_.fetch_add(records);
    }
  }

  bool empty() {
    const std::lock_guard lock(mutex_);
    return queue_.empty();
  }
  std::uint64_t dropped() const { return dropped_.load(); }  // there was no room

  // Readable when there is news: why entries cannot be written, or an empty text if they can again.
  int fd() const { return news_.fd(); }
  std::vector<std::string> take_news() { return news_.take(); }
  void put_news(std::string text, const std::stop_token& stop) {
    (void)news_.put(std::move(text), stop);
  }

  // For the writing thread. Entries of a batch take room in the queue until they are released.
  void release(std::size_t entries, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    unwritten_ -= entries;
    bytes_ -= bytes;
  }
  // For the writing thread. Becomes news when writing begins to fail or works again.
  void report(const Status& status, const std::stop_token& stop) {
    if (static_cast<bool>(status) != is_failing_) return;
    is_failing_ = !status;
    put_news(status ? std::string() : status.error().text(), stop);
  }

 private:
  static constexpr std::chrono::seconds kTryAgain{2};  // whether writing works again

  bool is_half_full() const {
    return queue_.size() >= limits_.entries / 2 || bytes_ >= limits_.bytes / 2;
  }

  void run(const std::stop_token& stop) {
    write_({}, stop);
    while (!stop.stop_requested()) {
      std::unique_lock lock(mutex_);
      const auto idle = is_failing_ ? std::min(limits_.idle, kTryAgain) : limits_.idle;
      const bool any = changed_.wait_for(lock, stop, idle, [&] { return !queue_.empty(); });
      if (any) (void)changed_.wait_for(lock, stop, limits_.delay, [&] { return is_half_full(); });
      auto batch = std::exchange(queue_, {});
      unwritten_ = batch.size();
      lock.unlock();
      write_(std::move(batch), stop);
    }
    unwritten_ = queue_.size();  // no thread adds entries any more
    write_(std::move(queue_), stop);
  }

  const Limits limits_;
  const Write write_;
  Inbox<std::string> news_;
  std::atomic<std::uint64_t> dropped_{0};
  std::mutex mutex_;
  std::condition_variable_any changed_;
  Entries queue_;
  std::size_t unwritten_ = 0;  // entries of the present batch
  std::size_t bytes_ = 0;      // in the queue and in the batch
  bool is_failing_;            // the writing thread's
  std::jthread thread_;        // last: it ends before what it uses
};

}  // namespace guard
