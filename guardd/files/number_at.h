// A number that the kernel wrote at this place, in the form of this machine and not aligned. The
// caller knows that it is there.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace guard {

template <typename Number>
Number number_at(std::string_view bytes, std::size_t at) {
  Number number{};
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

}  // namespace guard
