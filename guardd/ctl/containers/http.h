// One GET request to a server at a socket of this machine, as HTTP/1.1. Waits no longer than the
// limit, and reads no more than kLongestAnswer: the server can belong to any user.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "policy/base/result.h"

namespace guard::containers {

inline constexpr std::size_t kLongestAnswer = std::size_t{16} << 20U;

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// A whole answer, up to the end of the connection. Pure.
Result<HttpAnswer> parse_answer(std::string_view text);

Result<HttpAnswer> get(const std::string& socket, const std::string& target,
                       std::chrono::milliseconds limit);

}  // namespace guard::containers
