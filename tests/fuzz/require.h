// What a fuzzer says when something does not hold.
#pragma once

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "policy/base/text.h"

namespace guard::fuzz {

inline void require(bool holds, std::string_view what, std::string_view text = {}) {
  if (holds) return;
  std::cerr << what << ": " << quote(text) << '\n';
  std::abort();
}

}  // namespace guard::fuzz
