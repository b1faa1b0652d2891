// Error messages of guardctl on standard error. Both functions return the exit status.
#pragma once

#include <string>
#include <string_view>

#include "policy/base/result.h"

namespace guard::ctl {

// "guardctl: …", with a pointer to the help of the verb.
int misused(const std::string& what, std::string_view verb);

// "guardctl: …"
int fail(const Error& error);

}  // namespace guard::ctl
