// The methods of the manager interface: their arguments, and the permission that each needs.
#pragma once

#include <systemd/sd-bus.h>

namespace guard::bus {

// Handles every method of the table; `service` is the Service. Denies unknown methods.
int on_method(sd_bus_message* request, void* service, sd_bus_error* error) noexcept;

}  // namespace guard::bus
