// Names for records: unique on this machine, even over restarts, short enough to type, and in
// chronological order. A name is its time in base 32, with letters other than i, l, o and u.
// One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace guard {

class RecordIds {
 public:
  // Nine letters allow 31 thousand names per second, ten allow a million.
  enum class Length : std::uint8_t { kIncident = 9, kViolation = 10 };

  // `last` is the greatest previous name, or empty. New names are greater, so that no name is used
  // twice even if the clock is set back.
  explicit RecordIds(Length length, std::string_view last = {});

  std::string next(std::chrono::system_clock::time_point now);

 private:
  unsigned length_;
  std::uint64_t last_ = 0;
};

}  // namespace guard
