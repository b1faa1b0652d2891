// A report out of the record that Report answers with. What is missing or of another type is as if
// nothing had happened. Text is untrusted. Pure; any thread.
#pragma once

#include "dbus/client/value.h"
#include "policy/record/report.h"

namespace guard::bus {

struct ReceivedReport : Report {
  bool has_commands = false;  // they are not told to everybody
};

ReceivedReport report_in(const Map& record);

Tally tally_in(const Map& record);

// The very bytes where there are any, else the text.
std::string path_in(const Map& record, const std::string& name);

// A moment as records have them; the epoch where it is none.
std::chrono::system_clock::time_point time_in(const Map& record, std::string_view name);

}  // namespace guard::bus
