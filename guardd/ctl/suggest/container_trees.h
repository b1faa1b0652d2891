// Suggests policies for the volumes and bind mounts of containers.
//
// A container owns what it mounts if it runs as a user of its own, and if all that is there belongs
// to that user or to root, whose files are what guardd is for. The containers of a user's own
// runtime are believed only about the files and the users that are the user's anyway.
#pragma once

#include <string>
#include <vector>

#include "guardd/ctl/containers/container_users.h"
#include "guardd/ctl/containers/runtime.h"
#include "guardd/ctl/machine/machine.h"
#include "guardd/ctl/suggest/proposal.h"
#include "policy/policy_set.h"

namespace guard::suggest {

struct ContainersRequest {
  std::vector<containers::Socket> sockets;
  const PolicySet* present = nullptr;  // the policies in force; null if there are none
  std::string proc = "/proc";
};

// Fails if no runtime answers.
Result<Suggestion> suggest_for_containers(const machine::Machine& machine,
                                          const ContainersRequest& request);

}  // namespace guard::suggest
