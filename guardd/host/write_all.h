// Writes to where a write may be cut short.
#pragma once

#include <string_view>

#include "policy/base/result.h"

namespace guard {

// All of it, however often it takes; waits where the descriptor does.
Status write_all(int fd, std::string_view text);

}  // namespace guard
