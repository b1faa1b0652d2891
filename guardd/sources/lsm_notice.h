// Builds notices and violations from what the LSM programs report. Pure: looks at nothing but the
// event. Any thread.
#pragma once

#include <string_view>
#include <utility>

#include "bpf/lsm.h"
#include "guardd/sources/notices.h"
#include "policy/record/record.h"

namespace guard {

// The path up to its last name, and that name.
std::pair<std::string_view, std::string_view> split(std::string_view path);

bool is_directory(const EventRecord& record);

// What the kernel denied or judged a violation. The fields of the policy are not filled in.
Violation violation_of(const LsmEvent& event);

// All but the directories and the object's identity.
Notice notice_of(const LsmEvent& event);

}  // namespace guard
