// Reads a report from the answer of Report. Missing fields and fields of another type count as
// zero. Text is untrusted. Pure; any thread.
#pragma once

#include "dbus/client/value.h"
#include "policy/record/report.h"

namespace guard::bus {

struct ReceivedReport : Report {
  bool has_commands = false;  // not every caller may see them
};

ReceivedReport report_in(const Map& record);

Tally tally_in(const Map& record);

// The raw bytes if present, else the text.
std::string path_in(const Map& record, const std::string& name);

// A time of a record; the epoch if it is invalid.
std::chrono::system_clock::time_point time_in(const Map& record, std::string_view name);

}  // namespace guard::bus
