// Loads policy files into a PolicySet and collects all errors and warnings.
// Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "policy/base/ids.h"
#include "policy/diagnostic.h"
#include "policy/load/policy_files.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard {

struct LoadRequest {
  // The result of find_policy_files(), or files that a user named.
  std::vector<PolicyFile> files;
  Uid reader = kRoot;  // the reading user; see read_policy_file()
  std::uint64_t generation = 1;
};

struct FileText {
  std::string path;
  std::string text;
  friend bool operator==(const FileText&, const FileText&) = default;
};

struct LoadResult {
  std::shared_ptr<const PolicySet> set;  // null if there is any error
  Diagnostics diagnostics;               // sorted by file and line
  std::vector<FileText> texts{};         // what was read
};

// Reads, compiles and lints. Never throws; the diagnostics contain every error
// of one pass.
LoadResult load_policies(const LoadRequest& request, const Users& users, const Files& files);

// The same for texts that were valid before. Whatever has become of the trees since, the policies
// stay valid.
LoadResult load_again(std::vector<FileText> texts, std::uint64_t generation, const Users& users,
                      const Files& files);

}  // namespace guard
