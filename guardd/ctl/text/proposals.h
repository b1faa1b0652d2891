// What could be added to a policy, so that what was rightly done against it is no violation any
// more. Pure: names of users come through a lookup.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/lookup.h"
#include "policy/record/lessons.h"

namespace guard::ctl {

// An entry [[policy.allow]]; what is empty is not said.
struct ProposedAllow {
  std::string exe;
  std::string unit;
  std::string user;
  std::string login;
  std::string label;
  std::string warning;  // what speaks against it
  std::vector<LessonSubject> of;
};

// An entry [[policy.rule]]: these always ended with this owner.
struct ProposedRule {
  std::string match;  // a pattern, relative to the tree
  std::string owner;
  std::string group;
  std::uint64_t count = 0;
  std::size_t files = 0;
  std::string example;  // a path, raw
};

struct Proposals {
  std::vector<ProposedAllow> allows;
  std::vector<ProposedRule> rules;
  std::vector<LessonSubject> built_in;  // the package manager: never refused anyway
  std::vector<LessonSubject> people;    // at a terminal: an accident, more likely than not
  std::vector<LessonSubject> unclear;   // by nothing that can be written into a policy
};

Proposals propose(const Lessons& lessons, const std::vector<std::string>& trees,
                  const Users& users);

}  // namespace guard::ctl
