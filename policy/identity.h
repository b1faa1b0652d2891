// The SHA-256 fingerprint of a text.
#pragma once

#include <string>
#include <string_view>

namespace guard {

std::string sha256_hex(std::string_view text);

}  // namespace guard
