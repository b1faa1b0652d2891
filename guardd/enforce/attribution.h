// Decides who caused a notice, and whether it shows that the owner did not bring the object here.
// Remembers and changes nothing. Runs on the daemon's loop.
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

// Whether the object belongs to another user than the owner of its tree. Opens the object if the
// source does not know. Fails safe: an object that cannot be opened is foreign.
bool is_foreign(const Notice& notice, const PolicySet& set);

// What guardd knew before the notice.
struct PriorKnowledge {
  bool is_suspect = false;       // the owner may have brought the object here
  bool tree_is_scanned = false;  // all older violations in the tree are known
};

bool is_evidence(const Notice& notice, const Policy& policy, const ActingProcess& who,
                 const PriorKnowledge& prior);

}  // namespace guard
