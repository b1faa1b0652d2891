// What our objects look like on the bus: their methods, properties and signals, as the XML files
// say.
#pragma once

#include <systemd/sd-bus.h>

namespace guard::bus {

const sd_bus_vtable* manager_table();  // of a Service
const sd_bus_vtable* policy_table();   // of a PolicyFacts

}  // namespace guard::bus
