// The tables of the audit trail, and the migrations between their versions.
//
// Data that violations of an incident have in common is stored once. A segment (table "chapters")
// is a part of an incident with one policy, severity and person. Kinds, actors, settings and
// ancestors are numbered within a segment and are removed with it, so that removing old records
// needs no search. A violation with a row in "fixed_files" stands for a list of files: see
// FixedFiles.
#pragma once

#include <span>

#include "guardd/state/database.h"

namespace guard {

// Applies the steps that the database has not seen, each completely or not at all. Its version is
// the number of applied steps. Rejects a newer version.
Status migrate(Database& database, std::span<const char* const> steps);

// Configures the database and migrates it to the present version.
Status prepare_trail(Database& database);
// Rejects a trail of another version, because a reader must not change it.
Status check_trail(Database& database);

}  // namespace guard
