// The hand-written texts that --help prints. At most 80 columns wide; a test checks that.
#pragma once

#include <string_view>

namespace guard::ctl {

// The help of a verb, or of guardctl for any other word.
std::string_view help_text(std::string_view verb);

}  // namespace guard::ctl
