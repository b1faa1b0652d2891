// Notifies the actor of a new incident with one line on their terminal, if the policy wants that.
// Best effort: a line is dropped if there is no room, no terminal or a full one, because the
// journal has it anyway. Never waits: a thread of its own writes the lines. Publish on the daemon's
// thread only.
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

  // Both are called on the thread, which can outlive the publisher.
  struct Ports {
    std::function<void()> begin;  // called first
    // A descriptor that accepts a line without waiting; empty: there is no terminal.
    std::function<Fd(Uid person, const std::vector<ProcessName>& processes)> open;
  };

  static Result<std::unique_ptr<TerminalPublisher>> start(Ports ports);
  ~TerminalPublisher() override;

  void incident_opened(const Incident& incident) noexcept override;

  // Writes the remaining lines until the deadline. A blocked thread is abandoned.
  void finish(std::chrono::milliseconds deadline) noexcept;

  std::uint64_t written() const noexcept;
  std::uint64_t dropped() const noexcept;  // no room or no terminal

 private:
  struct State;
  TerminalPublisher(std::shared_ptr<State> state, std::thread thread);

  std::shared_ptr<State> state_;
  std::thread thread_;
};

// "guardd: /srv/shop/x should belong to shop; guardd fixed it (policy shop). Instead, use: sudo …"
// One line of printable text, without a newline.
std::string terminal_line(const Incident& incident);

}  // namespace guard
