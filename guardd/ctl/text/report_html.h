// A report as one page that needs nothing else: no script, no font, no picture from anywhere.
#pragma once

#include <string>

#include "guardd/ctl/text/report_view.h"

namespace guard::ctl {

struct PageFacts {
  std::string policy;  // what was asked for, empty: all of them
  std::string host;
  Range::TimePoint made;
};

std::string report_html(const bus::ReceivedReport& report, const Range& range,
                        const PageFacts& facts);

}  // namespace guard::ctl
