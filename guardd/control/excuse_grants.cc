#include "guardd/control/excuse_grants.h"

#include <memory>

namespace guard {

ExcuseGrants::ExcuseGrants(Processes& processes, const ChosenSource& source, Dispatcher& dispatcher)
    : processes_(processes), source_(source), dispatcher_(dispatcher) {
  source_.responder->use_excuses(processes_.excuses());
}

Status ExcuseGrants::give(const bus::ExcuseResult& request, const Person& who) {
  if (!processes_.remembers())
    return Error(
        "without the tracer guardd cannot follow the processes that a command starts, so it cannot "
        "excuse the command; pause the policy instead: guardctl pause POLICY");
  constexpr std::chrono::nanoseconds kLongest = Excuses::kLongest;
  const auto until = boot_time_now() + static_cast<std::uint64_t>(kLongest.count());
  const auto excuse = std::make_shared<const Excuse>(
      Excuse{request.reason, who.name, request.command, request.pid, until});
  GUARD_CHECK(processes_.excuse(request.pid, excuse));
  GUARD_CHECK(source_.source->excuse(request.process));
  report(*excuse, false);
  next_ = std::chrono::steady_clock::now() + kEvery;
  return {};
}

void ExcuseGrants::work(SteadyTime now) {
  if (!next_ || now < *next_) return;
  for (const auto& over : processes_.take_finished_excuses()) report(*over, true);
  next_.reset();
  if (!processes_.excuses().empty()) next_ = now + kEvery;
}

void ExcuseGrants::report(const Excuse& excuse, bool is_over) {
  dispatcher_.excuse({is_over, excuse.reason, excuse.user, excuse.command, excuse.pid});
}

}  // namespace guard
