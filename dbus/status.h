// How guardd and its policies are, as their properties say. A property that is not there has its
// default here, one that is not known is left out, one of another type is an error. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dbus/value.h"
#include "policy/base/result.h"

namespace guard::bus {

// Since guardd was started.
struct Counts {
  std::uint64_t violations = 0;
  std::uint64_t denied = 0;
  std::uint64_t fixed = 0;
};

struct DaemonStatus {
  std::string version;
  std::string backend;
  std::string backend_reason;
  std::string health;  // ok, degraded, paused or disabled
  std::string health_reason;
  std::uint64_t generation = 0;
  std::string policy_identity;
  Counts counts;
  std::uint64_t lost = 0;
};

struct PolicyStatus {
  std::string name;
  std::vector<std::string> paths;
  std::string owner;
  std::string group;
  std::string action;
  std::string effective_action;
  std::vector<std::string> differences;
  std::string state;
  std::string state_reason;
  std::vector<std::string> guards;
  std::string severity;
  std::string category;
  std::string file;
  std::uint64_t line = 0;
  Counts counts;
  std::uint64_t paused_until = 0;  // microseconds since 1970; 0: it is not paused
  std::string paused_by;
  std::string pause_reason;
};

Result<DaemonStatus> daemon_status(const Map& properties);
Result<PolicyStatus> policy_status(const Map& properties);

// Of the objects that an ObjectManager tells of, by name.
Result<std::vector<PolicyStatus>> policy_statuses(const Map& objects);

}  // namespace guard::bus
