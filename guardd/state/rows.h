// The tables of the state database, and conversions to and from their rows.
#pragma once

#include <vector>

#include "guardd/state/database.h"
#include "guardd/state/store.h"

namespace guard {

// Creates the tables, or upgrades them to this version.
Status prepare_schema(Database& database);
// Whether the error means that the file is not a database, or a damaged one.
bool is_damaged(const Error& error);

extern const char* const kKeepPending;
extern const char* const kForgetPending;
extern const char* const kKeepPause;
extern const char* const kForgetPause;
extern const char* const kKeepUndone;
extern const char* const kForgetRules;
extern const char* const kKeepRules;

Status put_pending(Statement& statement, const Pending& pending);
Status put_pause(Statement& statement, const Pause& pause);
Status put_undone(Statement& statement, const FileVersion& file);
Status put_rule_texts(Statement& statement, const RuleTexts& texts);
Result<std::vector<Pending>> read_pending(Database& database);
Result<std::vector<Pause>> read_pauses(Database& database);
Result<std::vector<FileVersion>> read_undone(Database& database);
Result<std::optional<RuleTexts>> read_rule_texts(Database& database);

}  // namespace guard
