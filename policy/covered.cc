#include "policy/covered.h"

#include <algorithm>
#include <utility>

namespace guard {

CoveredPart::CoveredPart(const Policy& policy, const std::vector<std::string>& nested)
    : nested_(nested) {
  std::sort(nested_.begin(), nested_.end());
  for (const auto& [glob, place] : policy.exclude) {
    constexpr std::string_view kAllBelow = "/**";
    const std::string_view pattern = glob.pattern();
    if (!pattern.ends_with(kAllBelow)) continue;
    // The text before "/**" is not always a valid pattern. If it is, it means the same on its own.
    auto directory = Glob::compile(pattern.substr(0, pattern.size() - kAllBelow.size()));
    if (directory) below_.push_back(*std::move(directory));
  }
}

bool CoveredPart::is_nested(std::string_view path) const {
  return std::binary_search(nested_.begin(), nested_.end(), path);
}

bool CoveredPart::all_below(std::string_view directory) const {
  return std::any_of(below_.begin(), below_.end(),
                     [&](const Glob& glob) { return glob.matches(directory); });
}

bool operator==(const CoveredPart& one, const CoveredPart& other) {
  const auto same = [](const Glob& a, const Glob& b) { return a.pattern() == b.pattern(); };
  return one.nested_ == other.nested_ && std::equal(one.below_.begin(), one.below_.end(),
                                                    other.below_.begin(), other.below_.end(), same);
}

std::vector<std::string> nested_trees(const PolicySet& set, const Tree& tree) {
  std::vector<std::string> nested;
  for (const auto& other : set.trees()) {
    if (other.path.size() > tree.path.size() + 1 && other.path.starts_with(tree.path) &&
        other.path[tree.path.size()] == '/') {
      nested.emplace_back(PolicySet::relative(tree, other.path));
    }
  }
  return nested;
}

}  // namespace guard
