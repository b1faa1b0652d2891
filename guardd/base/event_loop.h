// The daemon's event loop: descriptors, signals, and the parts of guardd that do work at certain
// times. Owns none of the descriptors. Runs on one thread, which all callbacks run on.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <vector>

#include <systemd/sd-event.h>

#include "guardd/host/clock.h"
#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

class EventLoop {
 public:
  using Callback = std::function<void()>;
  using Next = std::function<std::optional<SteadyTime>()>;
  using Work = std::function<void(SteadyTime now)>;

  Status open();
  sd_event* get() const { return loop_.get(); }

  // Calls `callback` while `fd` is readable. The loop owns the event source unless you take it.
  Status on_readable(int fd, Callback callback, sd_event_source** source = nullptr);
  // Blocks signals in this thread and in those that it starts later, so that only the loop gets
  // them.
  static void block(std::initializer_list<int> signals);
  // The signal must be blocked in all threads.
  Status on_signal(int signal, Callback callback);
  // Calls `work` in every turn of the loop, in the order of these calls. `next` returns the latest
  // time of the next turn; nothing if events alone need to start it.
  void every_turn(Next next, Work work);
  // The same for a part that has both functions.
  template <typename Part>
  void every_turn(Part& part) {
    every_turn([&part] { return part.next(); }, [&part](SteadyTime now) { part.work(now); });
  }

  // Runs until end() is called.
  void run();
  void end() { (void)sd_event_exit(loop_.get(), 0); }

 private:
  struct Part {
    Next next;
    Work work;
  };

  void turn();
  std::uint64_t wait_us() const;

  Handle<sd_event, sd_event_unref> loop_;
  std::vector<std::unique_ptr<Callback>> callbacks_;  // at stable addresses
  std::vector<Part> parts_;
};

}  // namespace guard
