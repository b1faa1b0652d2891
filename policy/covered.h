// The parts of a tree that a scan can skip: directories that the policy excludes completely, and
// nested trees. Immutable once built; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/glob.h"
#include "policy/policy_set.h"

namespace guard {

class CoveredPart {
 public:
  CoveredPart(const Policy& policy, const std::vector<std::string>& nested);

  // Nothing is covered, so no path needs to be built.
  bool empty() const { return below_.empty() && nested_.empty(); }

  bool is_nested(std::string_view path) const;
  // Whether everything below this directory is excluded. False if that is not obvious: the scan
  // then checks each object, which takes longer but has the same result.
  bool all_below(std::string_view directory) const;

  friend bool operator==(const CoveredPart& one, const CoveredPart& other);

 private:
  std::vector<std::string> nested_;  // sorted
  std::vector<Glob> below_;          // X of each exclude "X/**"
};

// The trees of any policy that lie below this one.
std::vector<std::string> nested_trees(const PolicySet& set, const Tree& tree);

}  // namespace guard
