// An incident as guardd tells of it on the bus, in words. Fields that are not there are left out:
// not everybody is told everything. Escaped; pure but for the names of users.
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

// When it was last seen, in this machine's own time.
std::string when_text(const bus::Map& incident);

// A line or two for each.
std::string incidents_text(const Terminal& terminal, const std::vector<bus::Map>& incidents);

// The whole of it, a few lines.
std::string incident_text(const Terminal& terminal, const bus::Map& incident);

// Escaped, or empty.
std::string text_of(const bus::Map& record, std::string_view name);

}  // namespace guard::ctl
