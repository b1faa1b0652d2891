// Who broke a policy, and what they left behind, added up from the audit trail. One thread;
// bounded.
#pragma once

#include <stop_token>
#include <string>

#include "guardd/audit/search.h"
#include "policy/record/lessons.h"

namespace guard {

Result<Lessons> learn(const std::string& trail, const TrailFilter& filter,
                      const std::stop_token& stop);

}  // namespace guard
