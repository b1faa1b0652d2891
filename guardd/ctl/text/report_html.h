// Builds a report as one self-contained HTML page, without scripts and without external fonts or
// images.
#pragma once

#include <string>

#include "guardd/ctl/text/report_view.h"

namespace guard::ctl {

struct ReportContext {
  std::string policy;  // the requested policy; empty: all
  std::string host;
  Range::TimePoint created;
};

std::string report_html(const bus::ReceivedReport& report, const Range& range,
                        const ReportContext& context);

}  // namespace guard::ctl
