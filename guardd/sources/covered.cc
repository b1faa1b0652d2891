#include "guardd/sources/covered.h"

#include <algorithm>
#include <utility>

namespace guard {

Covered::Covered(const Policy& policy, const std::vector<std::string>& nested) : nested_(nested) {
  std::sort(nested_.begin(), nested_.end());
  for (const auto& [glob, place] : policy.exclude) {
    constexpr std::string_view kAllBelow = "/**";
    const std::string_view pattern = glob.pattern();
    if (!pattern.ends_with(kAllBelow)) continue;
    // Not every text before "/**" is a pattern of its own; one that is means the same alone.
    auto directory = Glob::compile(pattern.substr(0, pattern.size() - kAllBelow.size()));
    if (directory) below_.push_back(*std::move(directory));
  }
}

bool Covered::is_nested(std::string_view path) const {
  return std::binary_search(nested_.begin(), nested_.end(), path);
}

bool Covered::all_below(std::string_view directory) const {
  return std::any_of(below_.begin(), below_.end(),
                     [&](const Glob& glob) { return glob.matches(directory); });
}

}  // namespace guard
