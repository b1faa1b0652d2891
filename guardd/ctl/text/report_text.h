// Prints a report for a terminal or a mail: at most 80 columns wide, escaped.
#pragma once

#include <string>

#include "guardd/ctl/screen/terminal.h"
#include "guardd/ctl/text/report_view.h"

namespace guard::ctl {

// Does the locale allow more than ASCII in the output?
bool locale_has_utf8();

// "Nothing was recorded from … to …."
std::string nothing_text(const Range& range);

// Draws charts with block characters, or with ASCII.
std::string report_text(const Terminal& terminal, const bus::ReceivedReport& report,
                        const Range& range, bool blocks);

}  // namespace guard::ctl
