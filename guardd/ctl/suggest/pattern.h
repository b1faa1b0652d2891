// Names from disk as a policy file writes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace guard::suggest {

// The pattern that matches this path, relative to its tree, and nothing else; with `below`, all
// that is below it and not itself. Nothing where no policy can say it: a name that is no UTF-8, or
// a path that is too long for a pattern.
std::optional<std::string> exact_pattern(std::string_view path, bool below = false);

// In double quotes, for TOML, such that a terminal shows it as it stands.
std::string toml_string(std::string_view text);

}  // namespace guard::suggest
