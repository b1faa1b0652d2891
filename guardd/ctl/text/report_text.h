// A report for a terminal or a mail: at most 80 columns, escaped.
#pragma once

#include <string>

#include "guardd/ctl/screen/terminal.h"
#include "guardd/ctl/text/report_view.h"

namespace guard::ctl {

// Whether what is written may have more than ASCII in it: so the locale says.
bool speaks_utf8();

// "Nothing was recorded from … to …."
std::string nothing_text(const Range& range);

// Pictures are of blocks, or of ASCII.
std::string report_text(const Terminal& terminal, const bus::ReceivedReport& report,
                        const Range& range, bool blocks);

}  // namespace guard::ctl
