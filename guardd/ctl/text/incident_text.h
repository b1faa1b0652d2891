// Prints incidents from the bus for people. Absent fields are left out, because not every user may
// see all of them. The texts are escaped. Pure except for looking up user names.
#pragma once

#include <string>
#include <vector>

#include "dbus/client/value.h"
#include "guardd/ctl/screen/terminal.h"

namespace guard::ctl {

// "alice as root: git pull", or empty.
std::string who_text(const bus::Map& incident);

// "12 fixed, 1 skipped"
std::string outcome_text(const Terminal& terminal, const bus::Map& incident);

// When the incident was last seen, in local time.
std::string when_text(const bus::Map& incident);

// One or two lines per incident, at most 80 columns wide. `are_all`: there are no more.
std::string incidents_text(const Terminal& terminal, const std::vector<bus::Map>& incidents,
                           bool are_all);

// All of one incident, in a few lines.
std::string incident_text(const Terminal& terminal, const bus::Map& incident);

// The escaped text of a field, or an empty text.
std::string text_of(const bus::Map& record, std::string_view name);

}  // namespace guard::ctl
