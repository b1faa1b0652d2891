// Commands that a person has excused: from the word of the bus to where it counts, and the end of
// it told. Who asks may, by then. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <optional>

#include "dbus/manager.h"
#include "guardd/backend.h"
#include "guardd/herald.h"
#include "guardd/pauses.h"
#include "guardd/who/processes.h"

namespace guard {

class Pardons {
 public:
  // How soon it is noticed that nothing of a command is left.
  static constexpr auto kEvery = std::chrono::seconds(2);

  // All of them outlive this.
  Pardons(Processes& processes, const ChosenSource& source, Herald& herald);

  // Of whoever cannot be followed from fork to fork, nothing: he would be found out half way.
  Status give(const bus::Excused& asked, const Person& who);
  // When work() wants to be called at the latest.
  std::optional<SteadyTime> next() const { return next_; }
  void work(SteadyTime now);

 private:
  void tell(const Excuse& excuse, bool is_over);

  Processes& processes_;
  const ChosenSource& source_;
  Herald& herald_;
  std::optional<SteadyTime> next_;
};

}  // namespace guard
