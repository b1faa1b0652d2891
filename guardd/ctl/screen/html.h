// Text on its way into a page: names from disk are chosen by others, and are shown, never obeyed.
// Pure.
#pragma once

#include <string>
#include <string_view>

namespace guard::ctl {

// For what is text or stands in quotes; ours, or escaped for the eye already.
std::string html(std::string_view text);

// A name from elsewhere: what no eye can tell is C-escaped; in a direction of its own.
std::string html_name(std::string_view bytes, std::size_t columns);

}  // namespace guard::ctl
