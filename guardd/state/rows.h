// The tables of the state, and what goes into their rows and comes out of them.
#pragma once

#include <vector>

#include "guardd/state/database.h"
#include "guardd/state/store.h"

namespace guard {

// Makes the tables, or checks that they are of this version.
Status prepare_schema(Database& database);
// Whether this error says that the file is no database, or a damaged one.
bool is_broken(const Error& error);

extern const char* const kKeepPending;
extern const char* const kForgetPending;
extern const char* const kKeepSuspect;

Status put_pending(Statement& statement, const Pending& pending);
Result<std::vector<Pending>> read_pending(Database& database);
Result<std::vector<FileId>> read_suspects(Database& database);

}  // namespace guard
