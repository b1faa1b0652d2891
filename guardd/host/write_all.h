// Writes to descriptors that may accept only a part at a time.
#pragma once

#include <string_view>

#include "policy/base/result.h"

namespace guard {

// Writes all of the text. Blocks if the descriptor does.
Status write_all(int fd, std::string_view text);

}  // namespace guard
