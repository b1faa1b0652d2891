// Decodes records of the LSM programs. Pure. Trusts no length in a record.
#pragma once

#include <string_view>

#include "bpf/lsm.h"

namespace guard {

// Ignores anything that is not a valid record.
void deliver(std::string_view record, LsmListener& listener);

}  // namespace guard
