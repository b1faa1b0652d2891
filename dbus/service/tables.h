// The methods, properties and signals of guardd's objects on the bus, as in the XML
// files.
#pragma once

#include <systemd/sd-bus.h>

namespace guard::bus {

const sd_bus_vtable* manager_table();  // for a Service
const sd_bus_vtable* policy_table();   // for a PolicyFacts

// Handles every method of the table; `service` is the Service. Denies unknown methods.
int on_method(sd_bus_message* request, void* service, sd_bus_error* error) noexcept;

}  // namespace guard::bus
