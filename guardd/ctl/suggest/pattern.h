// Names on disk, written for a policy file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace guard::suggest {

// The pattern that matches only this path, relative to its tree; with `below`, everything below it
// but not itself. Returns nothing if a policy cannot express it: the name is not UTF-8, or the path
// is too long.
std::optional<std::string> exact_pattern(std::string_view path, bool below = false);

// In double quotes for TOML, with only printable characters.
std::string toml_string(std::string_view text);

}  // namespace guard::suggest
