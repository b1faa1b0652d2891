// The built-in lists of package managers, backup tools and configuration management, and a search
// in them. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/words.h"

namespace guard {

// `exe` is the path of the executable, `arguments` its command line, each argument followed by a
// NUL. A script is the first argument of an interpreter that is not an option. Only programs in
// system directories have labels; files of the same name elsewhere do not.
EnumSet<Label> labels_of(std::string_view exe, std::string_view arguments);

// The path that a program of one of these lists has, if it is installed.
struct LabelledPath {
  std::string path;
  Label label;
};
std::vector<LabelledPath> labelled_paths();

}  // namespace guard
