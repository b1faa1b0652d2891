// Lines and words of configuration files.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace guard::suggest {

std::vector<std::string_view> lines_of(std::string_view text);
std::string_view stripped(std::string_view text);

// Words as systemd splits them: quotes hold words together and go, backslashes escape as in C.
// Nothing where a quote is never closed.
std::optional<std::vector<std::string>> words_of(std::string_view text);

// The last value of a key in nearly any configuration file: "key value;", "key = 'value' # why",
// "key: value", "export KEY=value". Sections are not looked at, so the key must be one of a kind.
std::optional<std::string> configured(std::string_view text, std::string_view key);

}  // namespace guard::suggest
