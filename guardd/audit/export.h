// The audit trail for other programs: JSON lines as `--log json` prints them, or a table for a
// spreadsheet. Newest first. One thread; the sink decides where it goes.
#pragma once

#include <functional>
#include <string_view>

#include "guardd/audit/reader.h"

namespace guard {

// Takes whole lines; false: that is enough.
using ExportSink = std::function<bool(std::string_view)>;

Status export_violations_json(TrailReader& trail, const TrailFilter& filter,
                              const ExportSink& sink);
Status export_incidents_json(TrailReader& trail, const TrailFilter& filter, const ExportSink& sink);

// RFC 4180: a header with the names of the contract, then a line for each violation. Text is
// C-escaped, so that nothing but the quotes needs to be undone to have a path back; what a
// spreadsheet would take for a formula begins with an apostrophe.
Status export_violations_csv(TrailReader& trail, const TrailFilter& filter, const ExportSink& sink);

}  // namespace guard
