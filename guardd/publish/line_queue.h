// Lines on their way to somebody who may read slowly, not at all, or have gone: a bounded queue and
// the one thread that writes it to an outlet. Pushing never waits and never fails loudly: what
// has no room is counted, and the count is said in a line of its own as soon as there is room
// again. push() from any thread.
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

  // The line that says how many lines were lost; called under the queue's lock.
  using LossLine = std::function<std::string(std::uint64_t lost)>;

  // Starts the thread. `out` stays the caller's: it is duplicated, or opened anew so that it can be
  // written without waiting and without changing it for those who share it.
  static Result<std::unique_ptr<LineQueue>> start(int out, Limits limits, LossLine loss_line);
  static Result<std::unique_ptr<LineQueue>> start(std::unique_ptr<Outlet> outlet, Limits limits,
                                                  LossLine loss_line);

  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;
  ~LineQueue();  // stops within a second

  // A line with its end. False: it is lost, and counted.
  bool push(std::string line) noexcept;

  // Whether a line would be lost whatever it says, so that it need not be made; counted as if it
  // had been.
  bool loses_next() noexcept;

  // All that did not get out, whether that was said already or not.
  std::uint64_t lost() const noexcept;

  // Writes what is left, until the deadline; what is not out by then is lost. Where a write does
  // not come back (a frozen file system), the thread is left behind rather than waited for. True:
  // all is out.
  bool stop(std::chrono::milliseconds deadline) noexcept;

 private:
  struct State;
  LineQueue(std::shared_ptr<State> state, std::thread thread);

  std::shared_ptr<State> state_;  // shared with the thread, which may outlive us
  std::thread thread_;
};

}  // namespace guard
