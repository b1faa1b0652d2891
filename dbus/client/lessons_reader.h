// What there is to learn out of the record that Learn answers with; as report_reader.h. Pure.
#pragma once

#include "dbus/client/value.h"
#include "policy/record/lessons.h"

namespace guard::bus {

Lessons lessons_in(const Map& record);

}  // namespace guard::bus
