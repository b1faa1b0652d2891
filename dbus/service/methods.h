// The methods of the manager: what each takes from its caller, and what it takes to be allowed.
#pragma once

#include <systemd/sd-bus.h>

namespace guard::bus {

// For every method of the table; `service` is the Service. What is not on its list is refused.
int on_method(sd_bus_message* request, void* service, sd_bus_error* error) noexcept;

}  // namespace guard::bus
