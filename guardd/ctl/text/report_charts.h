// The charts of a report: inline SVG that scales with the page. Each has a title in words; nothing
// is shown by colour alone, a table or a title repeats it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "guardd/ctl/text/report_view.h"

namespace guard::ctl {

// "12 fixed, 1 denied"
std::string outcomes_in_words(const Outcomes& outcomes);

// The smallest round number that is at least this and has a round half.
std::uint64_t round_above(std::uint64_t number);

// Stacked columns, one per bar. `top` is the number at the upper edge.
std::string columns_svg(const std::vector<Bar>& bars, std::uint64_t top, std::string_view title);

// One stacked horizontal bar. `most` is the number at the full width.
std::string bar_svg(const Outcomes& outcomes, std::uint64_t most);

}  // namespace guard::ctl
