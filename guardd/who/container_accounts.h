// What a container calls its users, by its own /etc/passwd. Who is root in the container writes
// that file and can delay reading it: only an inquiry helper calls this, and what it finds is for
// records alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/base/ids.h"

namespace guard {

// Whether people and programs read it as the name of an account, and as nothing else.
bool is_account_name(std::string_view name);

// `container`: the path of its control group. `root`: the directory below which the control groups
// are; "" for those of this machine. None: the user has no name there, or no process of the
// container is left.
std::optional<std::string> user_in_container(std::string_view container, Uid user,
                                             const std::string& proc = "/proc",
                                             const std::string& root = "");

}  // namespace guard
