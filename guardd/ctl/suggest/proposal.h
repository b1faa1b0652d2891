// A policy that is suggested, and how it is written down: with comments on why, ready for check.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "guardd/ctl/suggest/service.h"
#include "policy/base/ids.h"

namespace guard::suggest {

struct ProposedRule {
  std::vector<std::string> match;
  std::string owner;  // a name, or a number that has none
  std::string group;
  std::size_t entries = 0;
  std::string example;
};

struct Proposal {
  std::string name;
  std::vector<std::string> paths;
  std::string owner;
  std::string group;
  std::vector<std::string> why;  // one sentence each, of values that are escaped
  std::vector<ProposedRule> rules;
  std::vector<ProposedRule> strays;  // what fix would change, and the rule that would keep it
  std::vector<ProposedRule> unsaid;  // the same, for which there is no rule
  std::optional<Mode> file_mode;     // what nearly all have now: told, not suggested
  std::optional<Mode> dir_mode;
};

struct Suggestion {
  std::vector<Proposal> proposals;
  std::vector<Omission> left_out;
};

// One [[policy]] with its comments.
std::string policy_text(const Proposal& proposal);
// The whole file.
std::string file_text(const Suggestion& suggestion);

// A name that a policy may have, made of any text.
std::string policy_name(std::string_view text);

}  // namespace guard::suggest
