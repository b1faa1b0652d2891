// The pictures of a report: SVG that stands in the page, as wide as there is room. Each says in
// words what it shows; what was told apart by colour stands in a table or in its title too. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "guardd/ctl/text/report_view.h"

namespace guard::ctl {

// "12 fixed, 1 denied"
std::string outcomes_words(const Outcomes& told);

// The least round number that is not less, and whose half is one too.
std::uint64_t round_above(std::uint64_t number);

// Columns side by side, `top` as high as the picture, each of its outcomes one above the other.
std::string columns_svg(const std::vector<Bar>& bars, std::uint64_t top, std::string_view title);

// A bar to the right, `most` as wide as there is room.
std::string bar_svg(const Outcomes& told, std::uint64_t most);

}  // namespace guard::ctl
