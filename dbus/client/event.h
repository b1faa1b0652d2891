// What guardd says unasked. Everybody on a bus can send anything to anybody, so what counts is who
// sent it: `guardd` is its unique name.
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
  enum class What : std::uint8_t {
    kViolation,
    kIncidentOpened,
    kIncidentClosed,
    kReloaded,
    kScanning
  };
  What what = What::kViolation;
  std::string id;                // of an incident
  Map record;                    // of a violation or an incident
  std::uint64_t generation = 0;  // of the policies
  ScanNow scan;                  // that we have asked for
};

// Nothing, if guardd did not send it or it is of a kind that is not known here.
Result<std::optional<Event>> read_event(sd_bus_message* message, const std::string& guardd);

// The bus says that guardd has gone, or somebody has taken its place.
bool says_gone(sd_bus_message* message, const std::string& guardd);

}  // namespace guard::bus
