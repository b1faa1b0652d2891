// Proposes entries for a policy, so that legitimate changes are no violations any more. Pure: the
// caller looks up names of users.
#pragma once

#include <string>
#include <vector>

#include "policy/lookup.h"
#include "policy/record/lessons.h"

namespace guard::ctl {

// An entry [[policy.allow]], without the keys that are empty.
struct ProposedAllow {
  std::string exe;
  std::string unit;
  std::string user;
  std::string login;
  std::string label;
  std::string warning;  // the risk of this entry; may be empty
  std::vector<LessonSubject> subjects;
};

// An entry [[policy.rule]] for files that always end with this owner.
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
  std::vector<LessonSubject> built_in;  // the package manager: never denied anyway
  std::vector<LessonSubject> people;    // at a terminal: probably an accident
  std::vector<LessonSubject> unclear;   // a policy cannot identify the process
};

Proposals propose(const Lessons& lessons, const std::vector<std::string>& trees,
                  const Users& users);

}  // namespace guard::ctl
