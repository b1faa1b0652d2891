// Escapes text for an HTML page: other users choose the names of files, so names must never become
// markup. Pure.
#pragma once

#include <string>
#include <string_view>

namespace guard::ctl {

// Escapes text and attribute values. Names from disk need html_name().
std::string html(std::string_view text);

// A name from disk: C-escaped where it is not printable, and isolated from the text direction
// around it.
std::string html_name(std::string_view bytes, std::size_t columns);

}  // namespace guard::ctl
