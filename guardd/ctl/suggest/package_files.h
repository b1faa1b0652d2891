// The files that packages make as root in the directories of their services. The maintainer scripts
// of dpkg name most of them, with a version in the name. Reads each script once. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "guardd/ctl/machine/machine.h"

namespace guard::suggest {

class PackageFiles {
 public:
  explicit PackageFiles(const machine::Machine& machine) : machine_(machine) {}

  // A pattern for the name of a file in this tree, if a script that names the tree names the file:
  // "debian-*.flag" for debian-10.11.flag. It fits other versions, too. Nothing: no script does.
  std::optional<std::string> pattern_for(const std::string& tree, const std::string& name);

 private:
  const std::vector<std::string>& scripts();

  const machine::Machine& machine_;
  std::optional<std::vector<std::string>> scripts_;  // their texts
};

}  // namespace guard::suggest
