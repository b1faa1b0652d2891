// How the page of a report looks, in light and in dark, on a telephone, a wall and paper.
#pragma once

#include <string_view>

namespace guard::ctl {

extern const std::string_view kReportStyle;

}  // namespace guard::ctl
