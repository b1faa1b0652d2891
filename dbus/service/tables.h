// The methods, properties and signals of guardd's objects on the bus, as in the XML
// files.
#pragma once

#include <systemd/sd-bus.h>

namespace guard::bus {

const sd_bus_vtable* manager_table();  // for a Service
const sd_bus_vtable* policy_table();   // for a PolicyFacts

}  // namespace guard::bus
