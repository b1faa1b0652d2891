// A suggested policy, and its text: with comments that say why, ready for guardctl check.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/ctl/suggest/service.h"
#include "policy/base/ids.h"

namespace guard::suggest {

struct ProposedRule {
  std::vector<std::string> match;
  std::string owner;  // a name, or a number without one
  std::string group;
  std::size_t entries = 0;
  std::string example;
  bool is_made_as_root = false;  // see OwnerRule
};

struct Proposal {
  std::string name;
  std::vector<std::string> paths;
  std::string owner;
  std::string group;
  std::string owner_there;       // for an owner that is a number: "postgres in container db"
  std::vector<std::string> why;  // one sentence each; values are escaped
  std::vector<ProposedRule> rules;
  std::vector<ProposedRule> strays;  // what fix would change, with the rule that would prevent it
  std::vector<ProposedRule> unsaid;  // the same, without a rule
  std::optional<Mode> file_mode;     // what nearly all have now: mentioned, not suggested
  std::optional<Mode> dir_mode;
};

inline constexpr std::string_view kMachineSources =
    "unit files, configurations and the present owners of files";

struct Suggestion {
  std::string sources{kMachineSources};
  std::vector<Proposal> proposals;
  std::vector<Omission> left_out;
};

// One [[policy]] with its comments.
std::string policy_text(const Proposal& proposal);
// The whole file.
std::string file_text(const Suggestion& suggestion);

// Turns any text into a valid name of a policy.
std::string policy_name(std::string_view text);

}  // namespace guard::suggest
