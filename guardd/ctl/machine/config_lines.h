// Lines, words and booleans of configuration files. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace guard::machine {

std::vector<std::string_view> lines_of(std::string_view text);
std::string_view stripped(std::string_view text);

// Splits words as systemd does: quotes keep words together, backslashes escape as in C.
// Returns no words if a quote is not closed.
std::vector<std::string> words_of(std::string_view text);

// Booleans as systemd reads them. No value at all means no.
bool is_yes(std::string_view value);
bool is_no(std::string_view value);

// The last value of a key in almost any configuration file: "key value;", "key = 'value' # note",
// "key: value", "export KEY=value". Ignores sections, so the key must be unique in the file.
std::optional<std::string> configured(std::string_view text, std::string_view key);

}  // namespace guard::machine
