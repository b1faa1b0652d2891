// Names for records: unique on this machine, over restarts too, short enough to type, and in the
// order of time. A name is the moment it was given in a base of 32 letters without i, l, o and u.
// One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace guard {

class RecordIds {
 public:
  // Nine letters: 31 thousand a second for as long as it runs. Ten: a million.
  enum class Length : std::uint8_t { kIncident = 9, kViolation = 10 };

  // `last` is the greatest name known from before (empty: none). What is given is greater, so that
  // not even a clock set back brings a name out twice.
  explicit RecordIds(Length length, std::string_view last = {});

  std::string next(std::chrono::system_clock::time_point now);

 private:
  unsigned length_;
  std::uint64_t last_ = 0;
};

}  // namespace guard
