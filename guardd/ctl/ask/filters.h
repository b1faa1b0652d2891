// What people type, understood.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "policy/words.h"

namespace guard::ctl {

// False after a complaint on standard error. What is empty was not asked for.
bool understood(const std::string& text,
                std::optional<std::chrono::system_clock::time_point>& moment);
bool understood(const std::string& text, std::optional<Severity>& severity);

}  // namespace guard::ctl
