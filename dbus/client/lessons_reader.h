// Reads lessons from the answer of Learn, like report_reader.h. Pure; any thread.
#pragma once

#include "dbus/client/value.h"
#include "policy/record/lessons.h"

namespace guard::bus {

Lessons lessons_in(const Map& record);

}  // namespace guard::bus
