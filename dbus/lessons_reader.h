// What there is to learn out of the record that Learn answers with; as report_reader.h. Pure.
#pragma once

#include "dbus/value.h"
#include "policy/lessons.h"

namespace guard::bus {

Lessons lessons_in(const Map& record);

}  // namespace guard::bus
