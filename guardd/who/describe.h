// All that a record says of a process, as far as it follows from what is known of it and of those
// above it. Reads the file of its login session and a link of its terminal, both in memory; asks
// for no names (see Inquiries). Never in the answerer's thread. Any other thread.
//
// The person behind it, `human`, is a matter of rules, never of likelihood:
//   1. The login uid is set and not root's: that user; source `loginuid`. It outlives su and sudo.
//      cron sets it too: then it is the crontab's owner, and `cron_uid` is there.
//   2. The login uid is root's: somebody who could be root from the start. Nobody knows who.
//   3. It is unset, but logind has the process in a session of a user who is not root: that user;
//      source `session`. So it is where pam_loginuid is not used.
//   4. Else nobody. What environments say (SUDO_USER, SSH_CONNECTION) is anybody's to write: it is
//      told as a hint, in fields of its own.
#pragma once

#include "guardd/who/session.h"
#include "guardd/who/snapshot.h"
#include "policy/record/record.h"

namespace guard {

// `lineage` may be null: unknown.
Actor describe(const Snapshot& self, const Lineage* lineage, const Sessions& sessions = Sessions());

}  // namespace guard
