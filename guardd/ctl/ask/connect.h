// Connects verbs to guardd over the bus, and reports failed calls.
#pragma once

#include "dbus/client/client.h"
#include "guardd/ctl/screen/options.h"

namespace guard::ctl {

// Uses the bus of the options. On a terminal, polkit may ask for a password.
bus::Answer<bus::Client> reach_daemon(const Options& options);

// Reports the failure on standard error. Returns the exit status for it.
int fail(const bus::Failure& failure);

// The exit status of a verb; reports a failed call.
inline int status_of(const bus::Answer<int>& done) {
  return done ? *done : fail(done.error());
}

}  // namespace guard::ctl
