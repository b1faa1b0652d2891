// Decides who caused a notice, and how. Remembers and changes nothing. Runs on the daemon's loop.
#pragma once

#include <memory>

#include "guardd/sources/source.h"
#include "guardd/who/processes.h"
#include "policy/policy_set.h"

namespace guard {

std::shared_ptr<const ActingProcess> process_of(const Notice& notice, Processes& processes);

Operation operation_of(const Notice& notice);

// Whether the process was another user shortly before it became the owner. It may have acted as
// that user: for example, opened its log as root before it dropped its privileges.
bool was_another_just_before(const ActingProcess& who, Uid owner);

}  // namespace guard
