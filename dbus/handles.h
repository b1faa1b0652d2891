// Owners of sd-bus objects.
#pragma once

#include <systemd/sd-bus.h>

#include "policy/base/handle.h"

namespace guard::bus {

using Bus = Handle<sd_bus, sd_bus_close_unref>;
using Message = Handle<sd_bus_message, sd_bus_message_unref>;
using Slot = Handle<sd_bus_slot, sd_bus_slot_unref>;

}  // namespace guard::bus
