// Reads values from a bus message.
#pragma once

#include <systemd/sd-bus.h>

#include "dbus/client/value.h"
#include "policy/base/result.h"

namespace guard::bus {

// Reads the next argument of any type.
Result<Value> read_value(sd_bus_message* message);

// The same for an argument that must have this type.
template <typename T>
Result<T> read_as(sd_bus_message* message) {
  GUARD_TRY(auto value, read_value(message));
  auto* held = std::get_if<T>(&value.held);
  if (!held) return Error("an argument has another type");
  return std::move(*held);
}

}  // namespace guard::bus
