// Size and times of an object. Only values; any thread.
#pragma once

#include <cstdint>

namespace guard {

// Times are nanoseconds since 1970; 0: unknown.
struct ObjectTimes {
  std::uint64_t size = 0;
  std::int64_t modified = 0;
  std::int64_t changed = 0;
  std::int64_t born = 0;

  friend bool operator==(const ObjectTimes&, const ObjectTimes&) = default;
};

}  // namespace guard
