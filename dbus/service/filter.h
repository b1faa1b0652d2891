// What somebody asks the history by: the a{sv} that ListIncidents and Report take. The loop.
#pragma once

#include <cstddef>
#include <string>

#include <systemd/sd-bus.h>

#include "dbus/service/manager.h"

namespace guard::bus {

struct Filter {
  IncidentFilter asked;
  std::string error;  // what is wrong with it; empty: nothing
};

// The limit is the usual one where it is not said.
Filter read_filter(sd_bus_message* message, std::size_t usual);

}  // namespace guard::bus
