// Removes old or excess records from the audit trail, oldest first, in steps that take little
// time. Excess records are those of the policy that has most: a flood of one evicts only its own.
// The trail's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "guardd/state/database.h"

namespace guard {

struct TrimTo {
  std::int64_t since = 0;  // microseconds since 1970: older records are removed
  std::uint64_t bytes = 0;
  std::uint64_t policy_bytes = 0;  // of one policy; 0: its share of the whole
  // Gets how many records of a policy were removed because of policy_bytes.
  std::function<void(const std::string& policy, std::uint64_t records)> excess{};
};

// True: there is more to remove. A segment in use is kept.
Result<bool> trim_step(Database& database, const TrimTo& to,
                       const std::function<bool(std::int64_t segment)>& is_in_use);

}  // namespace guard
