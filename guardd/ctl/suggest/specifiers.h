// "%S/%i" and the like, in the values of unit files of the system's manager.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "guardd/ctl/machine/machine.h"

namespace guard::suggest {

// "a-b" → "a/b", "\x2d" → "-".
std::string unescaped_name(std::string_view escaped);

// Nothing where a specifier is not known here: what it stands for must not be guessed.
std::optional<std::string> expanded(std::string_view text, const std::string& unit,
                                    const Machine& machine);

}  // namespace guard::suggest
