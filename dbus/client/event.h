// Reads guardd's signals. Any client of a bus can send any signal, so only the sender counts:
// `guardd` is the unique name of guardd.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <systemd/sd-bus.h>

#include "dbus/client/value.h"
#include "dbus/facts.h"
#include "policy/base/result.h"

namespace guard::bus {

struct Event {
  enum class Kind : std::uint8_t {
    kViolation,
    kIncidentOpened,
    kIncidentClosed,
    kReloaded,
    kScanning
  };
  Kind kind = Kind::kViolation;
  std::string id;                // the id of an incident
  Map record;                    // the fields of a violation or an incident
  std::uint64_t generation = 0;  // the generation of the policies
  ScanNow scan;                  // the progress of a scan that this client requested
};

// Empty if guardd did not send it or its kind is unknown.
Result<std::optional<Event>> read_event(sd_bus_message* message, const std::string& guardd);

// Whether the message means that guardd has left the bus or was replaced.
bool says_gone(sd_bus_message* message, const std::string& guardd);

}  // namespace guard::bus
