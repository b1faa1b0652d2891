// Removing from the audit trail what is too old or too much, the oldest first, in steps so small
// that nobody waits long for one. The trail's thread.
#pragma once

#include <cstdint>
#include <functional>

#include "guardd/state/database.h"

namespace guard {

struct TrimTo {
  std::int64_t since = 0;  // microseconds since 1970: what is older goes
  std::uint64_t bytes = 0;
};

// True: there is more to do. A chapter that is in use stays.
Result<bool> trim_step(Database& database, const TrimTo& to,
                       const std::function<bool(std::int64_t chapter)>& is_in_use);

}  // namespace guard
