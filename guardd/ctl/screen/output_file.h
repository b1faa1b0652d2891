// A file that is there as a whole or not at all, in the place of one that may be there already.
#pragma once

#include <string>
#include <string_view>

#include "policy/base/result.h"

namespace guard::ctl {

// Readable by its owner only. Whatever is no regular file is left alone.
Status put_file(const std::string& path, std::string_view content);

}  // namespace guard::ctl
