// What "systemctl status guardd" says of us in one line: first what asks for attention. Pure; any
// thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "policy/record/fields.h"
#include "policy/record/record.h"

namespace guard {

// How guardd stands.
struct StatusFacts {
  std::size_t policies = 0;
  std::size_t trees = 0;
  std::size_t pending = 0;  // trees that are not there yet
  Backend backend = Backend::kFanotify;
  std::vector<std::string> paused;        // policies
  std::optional<std::string> disabled;    // why nothing is enforced
  std::vector<std::string> shortcomings;  // what is less than somebody might expect
};

struct LastIncident {
  TimePoint begun;
  std::string who;     // printable
  std::string policy;  // printable
  std::string totals;  // empty: it is not over
};

LastIncident last_incident(const Incident& incident, bool is_over);

std::string status_line(const StatusFacts& facts, const std::optional<LastIncident>& last);

}  // namespace guard
