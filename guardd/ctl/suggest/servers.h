// Servers that name their data directories on the command line, in the environment or in a
// configuration. Some start as root and switch to another user themselves.
#pragma once

#include <string>
#include <vector>

#include "guardd/ctl/machine/machine.h"
#include "guardd/ctl/suggest/service.h"

namespace guard::suggest {

using machine::Machine;

// Adds the directories and the user of the server that the service starts, if it is a known one.
void add_server(Service& service, const Machine& machine);

// Instances that no unit file names: the clusters of PostgreSQL, each with its own configuration.
std::vector<std::string> server_instances(const Machine& machine);

}  // namespace guard::suggest
