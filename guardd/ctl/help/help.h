// What --help prints: written by hand, since it is read by hand. At most 80 columns, checked by a
// test.
#pragma once

#include <string_view>

namespace guard::ctl {

// The help of a verb; of guardctl itself for anything else.
std::string_view help_text(std::string_view verb);

// Of a verb that asks the daemon; empty for any other.
std::string_view daemon_help_text(std::string_view verb);

}  // namespace guard::ctl
