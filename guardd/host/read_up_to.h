// Reads a file from where it is.
#pragma once

#include <cstddef>
#include <string>

namespace guard {

// Appends to the text until it has `most` bytes, or a few more, or the file ends. False: an error
// came first.
bool read_up_to(std::size_t most, int fd, std::string& text);

}  // namespace guard
