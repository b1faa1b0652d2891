// Checks paths of trees: how they must be written, and which ones must not belong to a single
// owner.
#pragma once

#include <string>
#include <string_view>

#include "policy/base/result.h"

namespace guard {

// Returns an absolute path without "//", "." or a trailing slash; "/" becomes "". Fails if that is
// impossible.
Result<std::string> normal_tree_path(std::string_view path);

// The danger of a single owner for this tree.
enum class TreeDanger {
  kNone,
  kShared,  // many services share it: a warning
  kSystem,  // the system would break: rejected unless forced
  kNever,   // not real files: always rejected
};
TreeDanger danger_of(std::string_view normal_path);

// Whether `path` is `ancestor` or is below it.
bool is_within(std::string_view path, std::string_view ancestor);

}  // namespace guard
