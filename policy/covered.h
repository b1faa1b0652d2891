// Which parts of a tree a scan need not look at: what a policy excludes as a whole, and the trees
// of others. Immutable once built; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/glob.h"
#include "policy/policy_set.h"

namespace guard {

class Covered {
 public:
  Covered(const Policy& policy, const std::vector<std::string>& nested);

  // Nothing is: no path need be written.
  bool empty() const { return below_.empty() && nested_.empty(); }

  bool is_nested(std::string_view path) const;
  // Whether everything below this directory is excluded. No where that is not plain to see: then
  // its objects are asked one by one, which takes longer and comes to the same.
  bool all_below(std::string_view directory) const;

 private:
  std::vector<std::string> nested_;  // sorted
  std::vector<Glob> below_;          // X of every exclude "X/**"
};

// The trees of other policies, and of the same, that lie below this one.
std::vector<std::string> nested_trees(const PolicySet& set, const Tree& tree);

}  // namespace guard
