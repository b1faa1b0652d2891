// The style sheet of the report page: light and dark, for phones, large screens and print.
#pragma once

#include <string_view>

namespace guard::ctl {

extern const std::string_view kReportStyle;

}  // namespace guard::ctl
