// Reads settings and policies, at start and at every reload: all or nothing. May wait for a
// directory service or a file system, so it never runs on the loop after the start.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "guardd/base/config.h"
#include "policy/load/load.h"
#include "policy/policy_set.h"
#include "policy/reach.h"

namespace guard {

// What rules are made of, so that guardd can make them again after the files have become invalid.
struct RuleTexts {
  std::optional<FileText> settings;
  std::vector<FileText> policies;
  std::string accounts;  // see KnownAccounts
  std::chrono::system_clock::time_point read_at;
};

struct Rules {
  Config config;
  std::shared_ptr<const PolicySet> set;
  std::vector<TreeLimits> limits;  // by policy
  RuleTexts texts;
  bool were_restored = false;
};

struct RulesRead {
  std::optional<Rules> rules;         // nothing if there is an error
  std::vector<std::string> errors;    // FILE:LINE:COLUMN: text
  std::vector<std::string> messages;  // errors and warnings, in the order of the files

  void print() const;  // on standard error
};

RulesRead read_rules(const std::string& config_file,
                     const std::vector<std::string>& policy_directories, std::uint64_t generation);

// The rules that were made of these texts when they were valid. Accounts that have disappeared
// since are those of that time.
RulesRead restore_rules(const RuleTexts& texts, std::uint64_t generation);

}  // namespace guard
