// Which files hold the policies: four directories, earlier ones win, and a link to /dev/null masks.
// And reading them, which only happens if nobody but root could have written them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/result.h"

namespace guard {

// Where policies live, the strongest first.
std::vector<std::string> default_policy_directories();

struct PolicyFile {
  std::string path;
  // Files of the same name in weaker directories, which are not read.
  std::vector<std::string> replaces;
  bool masked = false;  // a link to /dev/null: of this name nothing is read
};

// Sorted by file name. A directory that is not there holds nothing.
Result<std::vector<PolicyFile>> find_policy_files(const std::vector<std::string>& directories);

struct PolicyText {
  std::string text;
  std::string warning;  // what keeps guardd, though not this reader, from using the file
};

// Refuses what others than root can write, and what is no file. `reader` is who reads: an ordinary
// user may check a draft of his own, and is warned that guardd will not take it from there.
Result<PolicyText> read_policy_file(const std::string& path, Uid reader);

}  // namespace guard
