// Servers that say in their command line, environment or configuration where their data lies, and
// some of which are started as root and change their user themselves.
#pragma once

#include <string>
#include <vector>

#include "guardd/ctl/machine/machine.h"
#include "guardd/ctl/suggest/service.h"

namespace guard::suggest {

// Adds what is known of the server that the service starts, if it is one of them.
void add_server(Service& service, const Machine& machine);

// Instances that no unit file names: PostgreSQL's clusters, each with a configuration of its own.
std::vector<std::string> server_instances(const Machine& machine);

}  // namespace guard::suggest
