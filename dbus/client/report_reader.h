// Reads the answers of Report and Learn. Missing fields and fields of another type count as
// zero. Text is untrusted. Pure; any thread.
#pragma once

#include "dbus/client/value.h"
#include "policy/record/lessons.h"

namespace guard::bus {

struct ReceivedReport : Report {
  bool has_commands = false;  // not every caller may see them
};

ReceivedReport report_in(const Map& record);
Lessons lessons_in(const Map& record);

}  // namespace guard::bus
