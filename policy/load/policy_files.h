// Finds the policy files in four directories: earlier ones win, and a link to /dev/null masks.
// Reads a file only if root alone can write it.
#pragma once

#include <string>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/result.h"

namespace guard {

// The policy directories, strongest first.
std::vector<std::string> default_policy_directories();

struct PolicyFile {
  std::string path;
  // Files with the same name in weaker directories, which are not read.
  std::vector<std::string> replaces;
  bool masked = false;  // a link to /dev/null: no file with this name is read
};

// Sorted by file name. A missing directory counts as empty.
Result<std::vector<PolicyFile>> find_policy_files(const std::vector<std::string>& directories);

struct PolicyText {
  std::string text;
  std::string warning;  // why guardd, unlike this reader, would reject the file
};

// Rejects files that users other than root can write, and anything but regular files. `reader` is
// the reading user: users can check their own drafts, with a warning that guardd will reject them.
Result<PolicyText> read_policy_file(const std::string& path, Uid reader);

}  // namespace guard
