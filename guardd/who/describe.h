// Builds what a record says of a process, from what is known of it and its ancestors. Reads the
// file of its login session and a link of its terminal, both in memory. Looks up no names (see
// ActorLookup). Any thread but the permission responder's.
//
// Fixed rules, never guesses, determine `human`, the person behind the process:
//   1. The login uid is set and not root: that user; source `loginuid`. It outlives su and sudo.
//      cron sets it, too: then it is the owner of the crontab, and `cron_uid` is set.
//   2. The login uid is root: a person who logged in as root. Unknown.
//   3. It is unset, but logind has a session for the process, of a user other than root: that user;
//      source `session`. This happens on systems without pam_loginuid.
//   4. Otherwise unknown. Any user can set environment variables (SUDO_USER, SSH_CONNECTION), so
//      records have them as hints, in separate fields.
#pragma once

#include "guardd/who/session.h"
#include "guardd/who/snapshot.h"
#include "policy/record/record.h"

namespace guard {

// `lineage` may be null: unknown.
Actor describe(const Snapshot& self, const Lineage* lineage, const Sessions& sessions = Sessions());

// The process that is the command: this one or an ancestor.
std::int32_t command_of(const Snapshot& self, const Lineage* lineage);

}  // namespace guard
