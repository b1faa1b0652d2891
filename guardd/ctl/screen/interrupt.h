// Ctrl-C for verbs that print a summary before they end.
#pragma once

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard::ctl {

// Becomes readable on SIGINT or SIGTERM. From here on, neither ends this process.
Result<Fd> stop_requests();

// Ends this process by the pending signal, so that a shell that runs several commands stops, too.
// Returns if there is none.
void end_by_signal(const Fd& requests);

}  // namespace guard::ctl
