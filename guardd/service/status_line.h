// The line that "systemctl status guardd" shows: first what needs attention. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "policy/record/fields.h"
#include "policy/record/record.h"

namespace guard {

struct StatusFacts {
  std::size_t policies = 0;
  std::size_t trees = 0;
  std::size_t pending = 0;   // trees that are not there yet
  std::size_t visiting = 0;  // trees of which not all directories are watched yet
  std::size_t met = 0;       // directories of these so far
  Backend backend = Backend::kFanotify;
  std::vector<std::string> paused;        // names of policies
  std::optional<std::string> disabled;    // why nothing is enforced
  std::vector<std::string> shortcomings;  // what guardd does less than its policies ask for
};

struct LastIncident {
  TimePoint start;
  std::string who;     // printable
  std::string policy;  // printable
  std::string totals;  // empty while it is open
};

LastIncident last_incident(const Incident& incident, bool is_over);

std::string status_line(const StatusFacts& facts, const std::optional<LastIncident>& last);

}  // namespace guard
