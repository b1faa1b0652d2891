// Selects violations and incidents, for the bus, the audit trail and guardctl. Plain data; any
// thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "policy/record/record.h"

namespace guard {

// Empty fields match everything.
struct RecordFilter {
  std::optional<std::chrono::system_clock::time_point> since;
  std::optional<std::chrono::system_clock::time_point> until;  // before this time
  std::string policy;
  std::string login;                 // its name or number, or the person behind the process
  std::optional<Severity> severity;  // at least
  std::string path;                  // this path and everything below, or a pattern with * ? []
  // A command: its program, its name, or the beginning of its command line.
  std::string command;
  std::string category;
  std::string unit;
  std::optional<Outcome> outcome;
  std::string incident;              // the id of the incident
  std::optional<std::size_t> limit;  // empty: the usual number
};

}  // namespace guard
