#include "guardd/host/clock.h"

#include <array>

namespace guard {

std::string to_the_second(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(time.time_since_epoch());
  const std::time_t since_epoch = seconds.count();
  std::tm utc{};
  ::gmtime_r(&since_epoch, &utc);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

}  // namespace guard
