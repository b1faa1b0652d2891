// Which paths may be trees: how they must be written, and those that nobody should hand to one
// owner.
#pragma once

#include <string>
#include <string_view>

#include "policy/base/result.h"

namespace guard {

// Absolute, without "//", "." and a slash at the end; "/" becomes "". What cannot be made so is an
// error.
Result<std::string> normal_tree_path(std::string_view path);

// How much damage one owner for this tree would do.
enum class TreeDanger {
  kNone,
  kShared,  // many services live below: a warning
  kSystem,  // the system stops working: refused unless forced
  kNever,   // no files at all: refused always
};
TreeDanger danger_of(std::string_view normal_path);

// Whether `path` is `ancestor` or lies below it.
bool is_within(std::string_view path, std::string_view ancestor);

}  // namespace guard
