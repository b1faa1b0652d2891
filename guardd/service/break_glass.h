// Break-glass: lets an administrator who is locked out stop guardd from enforcing anything, at boot
// or while it runs. Any thread.
#pragma once

#include <optional>
#include <string>

namespace guard {

inline constexpr const char* kDisableFile = "/run/guardd/disable";

// Why guardd must not enforce anything; nothing if it must. Says how to end it.
std::optional<std::string> why_disabled();

}  // namespace guard
