// A bounded queue of lines for a reader that can be slow, blocked or gone, and the thread that
// writes them to an outlet. push() never waits or throws: lines without room are counted, and a
// line of its own reports the count as soon as there is room again. push() can be called from any
// thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "guardd/publish/outlet.h"
#include "policy/base/result.h"

namespace guard {

class LineQueue {
 public:
  struct Limits {
    std::size_t lines = 16'384;
    std::size_t bytes = std::size_t{8} << 20U;
  };

  // Builds the line that reports lost lines; called under the queue's lock.
  using LossLine = std::function<std::string(std::uint64_t lost)>;

  // Starts the thread. `out` remains the caller's: it is duplicated, or opened again so that it can
  // be nonblocking without affecting others that share it.
  static Result<std::unique_ptr<LineQueue>> start(int out, Limits limits, LossLine loss_line);
  static Result<std::unique_ptr<LineQueue>> start(std::unique_ptr<Outlet> outlet, Limits limits,
                                                  LossLine loss_line);

  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;
  ~LineQueue();  // stops within a second

  // A line with its newline. False: it is lost and counted.
  bool push(std::string line) noexcept;

  // Whether any line would be lost, so that the caller need not build it. If so, it counts as
  // lost.
  bool loses_next() noexcept;

  // All lost lines, reported or not.
  std::uint64_t lost() const noexcept;

  // Writes the remaining lines until the deadline; the rest is lost. If a write blocks (a frozen
  // file system), the thread is abandoned. True: no line was lost.
  bool stop(std::chrono::milliseconds deadline) noexcept;

 private:
  struct State;
  LineQueue(std::shared_ptr<State> state, std::thread thread);

  std::shared_ptr<State> state_;  // shared with the thread, which can outlive the queue
  std::thread thread_;
};

}  // namespace guard
