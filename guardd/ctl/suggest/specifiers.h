// Expands specifiers such as "%S/%i" in unit files of the system manager.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "guardd/ctl/machine/machine.h"

namespace guard::suggest {

using machine::Machine;

// "a-b" → "a/b", "\x2d" → "-".
std::string unescaped_name(std::string_view escaped);

// Returns nothing if a specifier is unknown: its value must not be guessed.
std::optional<std::string> expanded(std::string_view text, const std::string& unit,
                                    const Machine& machine);

}  // namespace guard::suggest
