// The tables of the audit trail and how one version of them becomes the next.
//
// What the violations of an incident have in common is written once. A chapter is a part of an
// incident with one policy, severity and person; kinds, actors, their settings and their ancestors
// are numbered within a chapter and go with it, so that nothing has to be looked for when old
// records are removed.
#pragma once

#include <span>

#include "guardd/state/database.h"

namespace guard {

// Takes the database through the steps it has not seen, each whole or not at all. Its version is
// the number of steps it has taken; one that has taken more is refused.
Status migrate(Database& database, std::span<const char* const> steps);

// Says how the database is to be written, and takes it to the present version.
Status prepare_trail(Database& database);
// Refuses a trail of another version: whoever only reads must not change it.
Status check_trail(Database& database);

}  // namespace guard
