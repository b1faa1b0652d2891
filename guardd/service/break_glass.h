// Break-glass: how somebody who is locked out keeps guardd from enforcing anything, at boot or
// while it runs. Any thread.
#pragma once

#include <optional>
#include <string>

namespace guard {

inline constexpr const char* kDisableFile = "/run/guardd/disable";

// Why nothing is to be enforced, as a sentence that says how to end it; nothing: all is.
std::optional<std::string> why_disabled();

}  // namespace guard
