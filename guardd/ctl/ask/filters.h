// Reads the filters that people type.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "policy/words.h"

namespace guard::ctl {

// An empty text means no filter. Returns false after printing an error.
bool read_filter(const std::string& text,
                 std::optional<std::chrono::system_clock::time_point>& moment);
bool read_filter(const std::string& text, std::optional<Severity>& severity);

}  // namespace guard::ctl
