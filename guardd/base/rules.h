// Reads settings and policies, at start and at every reload: all or nothing. May wait for a
// directory service or a file system, so it never runs on the loop after the start.
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

struct Rules {
  Config config;
  std::shared_ptr<const PolicySet> set;
  std::vector<TreeLimits> limits;  // by policy
};

struct RulesRead {
  std::optional<Rules> rules;       // nothing if there is an error
  std::vector<std::string> errors;  // FILE:LINE:COLUMN: text
};

// Also prints warnings and errors on standard error.
RulesRead read_rules(const std::string& config_file,
                     const std::vector<std::string>& policy_directories, std::uint64_t generation);

}  // namespace guard
