// Decodes records of the LSM programs and of the tracer. Pure. Trusts no length in a record.
#pragma once

#include <string_view>

#include "bpf/lsm.h"
#include "bpf/tracer.h"

namespace guard {

// Ignore anything that is not a valid record.
void deliver(std::string_view record, LsmListener& listener);
void deliver(std::string_view record, TracerListener& listener) noexcept;

}  // namespace guard
