// What guardctl says on standard error when it cannot do what was asked for.
#pragma once

#include <string>
#include <string_view>

#include "policy/base/result.h"

namespace guard::ctl {

// One sentence, and the name of the verb's help. The exit status.
int misused(const std::string& what, std::string_view verb);

// "guardctl: …". The exit status.
int fail(const Error& error);

}  // namespace guard::ctl
