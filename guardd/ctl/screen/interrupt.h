// Ctrl-C, for what has something to say before it ends.
#pragma once

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard::ctl {

// Can be read from when somebody has typed it, or has sent SIGTERM; neither ends us from here on.
Result<Fd> stop_requests();

// Ends us by the signal that can be read, as if it had not been kept from it: a shell that runs
// several commands then ends, too. Returns if there is none.
void end_as_asked(const Fd& requests);

}  // namespace guard::ctl
