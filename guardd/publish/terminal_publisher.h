// Tells the offender: one line on the terminal of whoever opened an incident, where the policy
// wants that. Best effort: what finds no room, no terminal or a full one is dropped, for the
// journal has it anyway. Never waits; the lines are written by a thread of its own. Publishing: the
// daemon's thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "guardd/publish/publisher.h"
#include "guardd/who/terminal.h"
#include "policy/base/result.h"

namespace guard {

class TerminalPublisher final : public Publisher {
 public:
  static constexpr std::size_t kMostQueued = 64;

  // Both are called on the thread, which may outlive us.
  struct Ports {
    std::function<void()> begin;  // first of all
    // A descriptor that takes a line without waiting; none: there is no terminal to tell.
    std::function<Fd(Uid person, const std::vector<ProcessName>& processes)> open;
  };

  static Result<std::unique_ptr<TerminalPublisher>> start(Ports ports);
  ~TerminalPublisher() override;

  void incident_opened(const Incident& incident) noexcept override;
  void violation(const Violation& /*violation*/, const Incident& /*incident*/) noexcept override {}
  void incident_closed(const Incident& /*incident*/) noexcept override {}
  void ready(const ReadyNews& /*news*/) noexcept override {}
  void reload(const ReloadNews& /*news*/) noexcept override {}
  void health(const HealthNews& /*news*/) noexcept override {}
  void stop(const StopNews& /*news*/) noexcept override {}

  // Writes what is left, until the deadline; a thread that is stuck is left behind.
  void finish(std::chrono::milliseconds deadline) noexcept;

  std::uint64_t told() const noexcept;
  std::uint64_t dropped() const noexcept;  // there was no room, or nowhere to tell it

 private:
  struct State;
  TerminalPublisher(std::shared_ptr<State> state, std::thread thread);

  std::shared_ptr<State> state_;
  std::thread thread_;
};

// "guardd: /srv/shop/x should be shop's, and guardd has put that right. Instead: sudo -u shop …"
// One line of printable text, without its end.
std::string terminal_line(const Incident& incident);

}  // namespace guard
