// Counts violations within a time, separately for each command, user or policy, in bounded memory.
// Pure; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "guardd/condition/condition.h"
#include "guardd/host/clock.h"

namespace guard {

// Whose violations are counted together with this one.
std::string group_key(Rate::Group group, const Violation& violation, const Incident& incident);

class RateWindows {
 public:
  // Beyond this, the group that has been quiet for longest is forgotten.
  static constexpr std::size_t kMostGroups = 256;
  // The time is counted in as many steps, so that a flood takes no more memory than a trickle.
  static constexpr int kSteps = 60;

  // True if the group has had more violations than the rate allows.
  bool add(const Rate& rate, const std::string& group, std::uint64_t count, SteadyTime now);

  std::size_t groups() const { return groups_.size(); }

 private:
  struct Step {
    SteadyTime begin;
    std::uint64_t count = 0;
  };
  struct Window {
    std::deque<Step> steps;
    std::uint64_t count = 0;  // in all steps
    SteadyTime last;
  };

  Window& window_of(const std::string& group);

  std::map<std::string, Window> groups_;
};

}  // namespace guard
