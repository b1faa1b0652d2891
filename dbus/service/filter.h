// Reads the filter of ListIncidents and Report (a{sv}). The loop.
#pragma once

#include <cstddef>
#include <string>

#include <systemd/sd-bus.h>

#include "dbus/service/manager.h"

namespace guard::bus {

struct Filter {
  RecordFilter asked;
  std::string error;  // why the filter is invalid; empty: it is valid
};

// Uses the default limit if the filter has none.
Filter read_filter(sd_bus_message* message, std::size_t usual);

}  // namespace guard::bus
