// The processes that a person has excused, each with all that it starts: what they do is told, and
// neither refused nor put right. Whose process is whose child is the process table's to say.
// Bounded: what has no room is not excused. Does not outlive guardd. Any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "policy/base/result.h"

namespace guard {

class ActingProcess;
struct Snapshot;

struct Excuse {
  std::string reason;
  std::string user;  // who asked for it
  std::string command;
  std::int32_t pid = 0;
  std::uint64_t until = 0;  // nanoseconds since boot: what never ends is excused no longer

  // "excused: by alice: shop 4.2", safe for a terminal.
  std::string sentence() const;
};

class Excuses {
 public:
  static constexpr std::size_t kMost = 64;
  static constexpr std::size_t kMostProcesses = 20'000;
  static constexpr std::size_t kLongestReason = 400;
  static constexpr std::chrono::hours kLongest{24};

  // This process, and what it starts from here on.
  Status give(std::int32_t pid, std::uint64_t start, const std::shared_ptr<const Excuse>& excuse);
  // It was started by one that has this. False: there is no room.
  bool inherit(std::int32_t pid, std::uint64_t start, const std::shared_ptr<const Excuse>& excuse);
  void ended(std::int32_t pid, std::uint64_t start);

  // By what its process had when it acted, or by who has one now: itself, or whoever started it.
  // Null: it is not excused.
  std::shared_ptr<const Excuse> of(const ActingProcess& who) const;

  bool empty() const { return is_empty_; }
  // Those none of whose processes is left. `lives` is asked about all that are thought to be.
  using Lives = std::function<bool(std::int32_t pid, std::uint64_t start)>;
  std::vector<std::shared_ptr<const Excuse>> take_over(const Lives& lives);

 private:
  // When it started, to the tick: /proc knows no better.
  using Process = std::pair<std::int32_t, std::uint64_t>;

  std::shared_ptr<const Excuse> find(const Snapshot& process) const;

  std::atomic<bool> is_empty_{true};  // most of the time, and asked for with every open
  mutable std::mutex mutex_;
  std::map<Process, std::shared_ptr<const Excuse>> processes_;
  std::vector<std::shared_ptr<const Excuse>> given_;
};

// The same by its process alone; null too where its time is over.
std::shared_ptr<const Excuse> excuse_of(const ActingProcess& who);

}  // namespace guard
