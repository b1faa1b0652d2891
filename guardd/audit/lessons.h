// Summarizes the violations of a policy from the audit trail for guardctl learn. One thread;
// bounded memory.
#pragma once

#include <stop_token>
#include <string>

#include "guardd/audit/search.h"
#include "policy/record/lessons.h"

namespace guard {

Result<Lessons> learn(const std::string& trail, const RecordFilter& filter,
                      const std::stop_token& stop);

}  // namespace guard
