// Builds the Violation record of a change. Looks nothing up and reports nothing. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/permission/follow_up.h"
#include "guardd/repair/repair.h"
#include "guardd/settle/settle_queue.h"
#include "guardd/sources/mounts.h"
#include "policy/policy_set.h"
#include "policy/record/record.h"

namespace guard {

// Of an object of a tree, after its repair.
Violation make_violation(const PolicySet& set, std::uint32_t tree, const std::string& relative_path,
                         const NoticedChange& seen, const RepairOutcome& outcome);

// The words in Violation::skip of those that are reported.
std::vector<std::string_view> skip_words();

// An answered open, as of the policies that are in force now.
Violation make_violation(OpenReport open, const PolicySet& now);

// Adds what the tree's policy says, and the time. The path becomes absolute.
void add_policy_fields(Violation& violation, const PolicySet& set, std::uint32_t tree);

// Says whether its process was read in time, and marks a violation that guardd neither fixed nor
// denied as excused, if the process is.
void add_process_remarks(Violation& violation, const ActingProcess& who);

enum class MountChange : std::uint8_t { kMounted, kUnmounted };

// Of a mount that hides a tree or a part of it, or of its end. Nothing if the policy allows it.
// guardd reports mounts but never undoes them.
std::optional<Violation> make_violation(const PolicySet& set, std::uint32_t tree,
                                        const Mount& mount, MountChange mount_change,
                                        const std::shared_ptr<const ActingProcess>& who);

}  // namespace guard
