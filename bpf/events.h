// From the bytes of a record to what it says. Pure; trusts no length that it finds.
#pragma once

#include <string_view>

#include "bpf/lsm.h"

namespace guard {

// What is no record of ours is left out.
void hand_over(std::string_view record, LsmListener& listener);

}  // namespace guard
