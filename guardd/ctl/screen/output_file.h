// Writes a file completely or not at all, and replaces an existing one.
#pragma once

#include <string>
#include <string_view>

#include "policy/base/result.h"

namespace guard::ctl {

// Only the owner can read the file. Anything but a regular file is not replaced.
Status put_file(const std::string& path, std::string_view content);

}  // namespace guard::ctl
