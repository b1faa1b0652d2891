// Exports the audit trail: JSON lines as in `--log json`, or a table for spreadsheets. Newest
// first. One thread; the caller's sink receives the lines.
#pragma once

#include <functional>
#include <string_view>

#include "guardd/audit/reader.h"

namespace guard {

// Receives whole lines; returns false to stop.
using ExportSink = std::function<bool(std::string_view)>;

Status export_violations_json(TrailReader& trail, const RecordFilter& filter,
                              const ExportSink& sink);
Status export_incidents_json(TrailReader& trail, const RecordFilter& filter,
                             const ExportSink& sink);

// Each violation as this function writes it.
Status export_violations(TrailReader& trail, const RecordFilter& filter,
                         const std::function<std::string(const Violation&)>& line,
                         const ExportSink& sink);

// RFC 4180: a header with the field names of the contract, then one line per violation. Text is
// C-escaped, so that a reader only needs to remove the quotes. Text that a spreadsheet would treat
// as a formula is preceded by an apostrophe.
Status export_violations_csv(TrailReader& trail, const RecordFilter& filter,
                             const ExportSink& sink);

}  // namespace guard
