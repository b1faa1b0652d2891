// Excuses commands for a user: passes the excuse on to the backends, and reports its start and end.
// The bus has authorized the caller before. Runs on the daemon's loop.
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
  // How soon guardd notices that all processes of a command have ended.
  static constexpr auto kEvery = std::chrono::seconds(2);

  ExcuseGrants(Processes& processes, const ChosenSource& source, Dispatcher& dispatcher);

  // Fails if guardd cannot follow a command from fork to fork: a part of it would not be excused.
  Status give(const bus::ExcuseResult& request, const Person& who);
  std::optional<SteadyTime> next() const { return next_; }
  void work(SteadyTime now);

 private:
  void report(const Excuse& excuse, bool is_over);

  Processes& processes_;
  const ChosenSource& source_;
  Dispatcher& dispatcher_;
  std::optional<SteadyTime> next_;
};

}  // namespace guard
