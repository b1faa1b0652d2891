// Excused processes and their children: what they do is reported, but neither denied nor fixed. The
// process table finds the children. Bounded. Fails safe: a process that does not fit is not
// excused. Excuses end with guardd. Any thread.
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
  std::string user;  // who requested it
  std::string command;
  std::int32_t pid = 0;
  std::uint64_t until = 0;  // nanoseconds since boot

  // "excused: by alice: shop 4.2", safe for a terminal.
  std::string sentence() const;
};

class Excuses {
 public:
  static constexpr std::size_t kMost = 64;
  static constexpr std::size_t kMostProcesses = 20'000;
  static constexpr std::size_t kLongestReason = 400;
  static constexpr std::chrono::hours kLongest{24};

  // Excuses this process and the children that it starts from now on.
  Status add(std::int32_t pid, std::uint64_t start, const std::shared_ptr<const Excuse>& excuse);
  // Excuses a child of an excused process. False: it does not fit.
  bool inherit(std::int32_t pid, std::uint64_t start, const std::shared_ptr<const Excuse>& excuse);
  void ended(std::int32_t pid, std::uint64_t start);

  // The excuse that the process had when it acted, or that it or an ancestor has now. Null: none.
  std::shared_ptr<const Excuse> of(const ActingProcess& who) const;

  bool empty() const { return is_empty_; }
  // Removes and returns the excuses whose processes have all ended.
  using IsAlive = std::function<bool(std::int32_t pid, std::uint64_t start)>;
  std::vector<std::shared_ptr<const Excuse>> take_finished(const IsAlive& is_alive);

 private:
  // The start time is in ticks, as precise as /proc.
  using Process = std::pair<std::int32_t, std::uint64_t>;

  std::shared_ptr<const Excuse> find(const Snapshot& process) const;

  std::atomic<bool> is_empty_{true};  // usually true, and read at every open
  mutable std::mutex mutex_;
  std::map<Process, std::shared_ptr<const Excuse>> processes_;
  std::vector<std::shared_ptr<const Excuse>> active_;
};

// The excuse that the process had when it acted. Null: none, or it has expired.
std::shared_ptr<const Excuse> excuse_of(const ActingProcess& who);

}  // namespace guard
