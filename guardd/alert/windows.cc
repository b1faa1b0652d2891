#include "guardd/alert/windows.h"

#include <fmt/format.h>

#include <algorithm>

namespace guard {

std::string group_key(Rate::Group group, const Violation& violation, const Incident& incident) {
  const auto& actor = *violation.actor;
  const auto& command = incident.command;
  switch (group) {
    case Rate::Group::kAll:
      return {};
    case Rate::Group::kPolicy:
      return violation.policy;
    case Rate::Group::kUser:
      if (actor.login_uid) return fmt::format("login {}", actor.login_uid->value);
      if (actor.unit) return "unit " + *actor.unit;
      return actor.uid ? fmt::format("user {}", actor.uid->value) : "";
    case Rate::Group::kCommand:
      break;
  }
  if (command.pid != 0) return fmt::format("process {} {}", command.pid, command.start_time);
  return "program " + (command.exe.empty() ? command.comm : command.exe);
}

RateWindows::Window& RateWindows::window_of(const std::string& group) {
  if (const auto at = groups_.find(group); at != groups_.end()) return at->second;
  if (groups_.size() >= kMostGroups) {
    groups_.erase(std::min_element(
        groups_.begin(), groups_.end(),
        [](const auto& a, const auto& b) { return a.second.last < b.second.last; }));
  }
  return groups_[group];
}

bool RateWindows::add(const Rate& rate, const std::string& group, std::uint64_t count,
                      SteadyTime now) {
  auto& window = window_of(group);
  auto& steps = window.steps;
  window.last = now;
  while (!steps.empty() && steps.front().begin + rate.within <= now) {
    window.count -= steps.front().count;
    steps.pop_front();
  }
  if (steps.empty() || steps.back().begin + rate.within / kSteps <= now) steps.push_back({now, 0});
  steps.back().count += count;
  window.count += count;
  return window.count > rate.limit;
}

}  // namespace guard
