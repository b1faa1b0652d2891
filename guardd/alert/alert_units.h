// The units of alerts: writes their facts for them, starts them, and keeps what went wrong. The
// facts of the alert NAME are in /run/guardd/alerts/NAME.env, for root only; they are in memory, so
// that writing them waits for no disk. Runs on the daemon's loop.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "guardd/alert/facts.h"
#include "guardd/alert/unit_starter.h"
#include "guardd/base/config.h"
#include "policy/base/result.h"

namespace guard {

// "guardd-alert@skipped.service"
std::string unit_of(const AlertSettings& alert);

// Replaces DIRECTORY/NAME.env in one step. Makes the directory if necessary.
Status write_facts(const std::string& directory, const std::string& alert, std::string_view text);

class AlertUnits {
 public:
  static constexpr const char* kDirectory = "/run/guardd/alerts";

  AlertUnits(sd_event* loop, std::optional<std::string> bus, std::string directory = kDirectory)
      : starter_(loop, std::move(bus)), directory_(std::move(directory)) {}

  bool can_start(const AlertSettings& alert) const { return starter_.is_idle(unit_of(alert)); }
  void start(const AlertSettings& alert, const AlertFacts& facts);

  // What does not work, in a sentence; empty if nothing is known.
  std::string trouble() const;
  // The settings have changed, so that what failed may work now.
  void forget_failures() { failures_.clear(); }

  std::optional<SteadyTime> next() const { return starter_.next(); }
  void work(SteadyTime now);
  void finish(std::chrono::milliseconds deadline) { starter_.finish(deadline); }

 private:
  UnitStarter starter_;
  std::string directory_;
  std::map<std::string, std::string> failures_;  // by unit, of its last start
};

}  // namespace guard
