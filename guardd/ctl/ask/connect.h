// guardd, for the verbs that ask it, and what is said where it does not answer as hoped.
#pragma once

#include "dbus/client/client.h"
#include "guardd/ctl/screen/options.h"

namespace guard::ctl {

// On the bus of the options. Somebody on a terminal may be asked for a password.
bus::Answer<bus::Client> reach_daemon(const Options& options);

// Says on standard error why not; the exit status that goes with it.
int fail(const bus::Failure& failure);

}  // namespace guard::ctl
