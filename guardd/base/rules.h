// Settings and policies as they are read at start and at every reload, all of it or nothing. Looks
// up accounts and looks at trees, so it may wait for a directory service or a file system: never
// on the loop once guardd guards.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "guardd/base/config.h"
#include "policy/policy_set.h"
#include "policy/reach.h"

namespace guard {

// What is read anew, and holds together.
struct Rules {
  Config config;
  std::shared_ptr<const PolicySet> set;
  std::vector<TreeLimits> limits;  // by policy
};

struct RulesRead {
  std::optional<Rules> rules;       // none: something is not valid
  std::vector<std::string> errors;  // FILE:LINE:COLUMN: what is wrong
};

// Says warnings and errors on standard error.
RulesRead read_rules(const std::string& config_file,
                     const std::vector<std::string>& policy_directories, std::uint64_t generation);

}  // namespace guard
