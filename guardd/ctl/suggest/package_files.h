// What packages make as root in the directories of their services. Lists of dpkg name what it
// unpacks, and the maintainer scripts most of what they make, with a version in the name. Reads
// each of them once. One thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "guardd/ctl/machine/machine.h"

namespace guard::suggest {

class PackageFiles {
 public:
  explicit PackageFiles(const machine::Machine& machine) : machine_(machine) {}

  // A pattern for the name of a file in this tree, if a script that names the tree names the file:
  // "debian-*.flag" for debian-10.11.flag. It fits other versions, too. Nothing: no script does.
  std::optional<std::string> pattern_for(const std::string& tree, const std::string& name);
  // Whether a script names this path, or dpkg has unpacked it.
  bool names(const std::string& path);
  bool has_unpacked(const std::string& path);
  // Whether a script gives the tree and all that is in it to root: "chown -R root:shop TREE".
  bool gives_to_root(const std::string& tree);

 private:
  std::vector<std::string> texts(const std::function<bool(std::string_view name)>& is_one) const;
  const std::vector<std::string>& scripts();

  const machine::Machine& machine_;
  std::optional<std::vector<std::string>> scripts_;          // their texts
  std::optional<std::unordered_set<std::string>> unpacked_;  // paths
};

}  // namespace guard::suggest
