// From what became of a change to the record that is told of it. Looks nothing up and tells nobody.
// Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "guardd/permission/follow_up.h"
#include "guardd/repair/repair.h"
#include "guardd/settle/settle_queue.h"
#include "guardd/sources/mounts.h"
#include "policy/policy_set.h"
#include "policy/record/record.h"

namespace guard {

// One object of a tree that was wrong.
Violation make_violation(const PolicySet& set, std::uint32_t tree, const std::string& relative_path,
                         const NoticedChange& seen, const RepairOutcome& outcome);

// An answered open, as of the policies that are in force now.
Violation make_violation(AnsweredOpen open, const PolicySet& now);

// Adds what the tree's policy says, and the time. The path becomes absolute.
void add_policy_fields(Violation& violation, const PolicySet& set, std::uint32_t tree);

// What is left as it is, and what nothing was refused of, because whoever did it is excused.
void excuse(Violation& violation, const ActingProcess& who);

enum class MountChange : std::uint8_t { kMounted, kUnmounted };

// A mount that hides a tree, or a part of it, or does so no more. Nothing if the policy does not
// mind. It can be told of, not put right.
std::optional<Violation> make_violation(const PolicySet& set, std::uint32_t tree,
                                        const Mount& mount, MountChange change,
                                        const std::shared_ptr<const ActingProcess>& who);

}  // namespace guard
