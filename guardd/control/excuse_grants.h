// Commands that a person has excused: from the word of the bus to where it counts, and the end of
// it told. Who asks may, by then. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <optional>

#include "dbus/service/manager.h"
#include "guardd/control/pauses.h"
#include "guardd/publish/dispatcher.h"
#include "guardd/sources/choose.h"
#include "guardd/who/processes.h"

namespace guard {

class ExcuseGrants {
 public:
  // How soon it is noticed that nothing of a command is left.
  static constexpr auto kEvery = std::chrono::seconds(2);

  // All of them outlive this.
  ExcuseGrants(Processes& processes, const ChosenSource& source, Dispatcher& dispatcher);

  // Of whoever cannot be followed from fork to fork, nothing: he would be found out half way.
  Status give(const bus::ExcuseResult& asked, const Person& who);
  // When work() wants to be called at the latest.
  std::optional<SteadyTime> next() const { return next_; }
  void work(SteadyTime now);

 private:
  void tell(const Excuse& excuse, bool is_over);

  Processes& processes_;
  const ChosenSource& source_;
  Dispatcher& dispatcher_;
  std::optional<SteadyTime> next_;
};

}  // namespace guard
