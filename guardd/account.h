// From what became of a change to the record that is told of it. Looks nothing up and tells nobody.
// Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "guardd/remedy.h"
#include "guardd/settle.h"
#include "guardd/sources/mounts.h"
#include "policy/policy_set.h"
#include "policy/record.h"

namespace guard {

// One object of a tree that was wrong.
Violation account_of(const PolicySet& set, std::uint32_t tree, const std::string& relative_path,
                     const Seen& seen, const RemedyOutcome& outcome);

// What the policy of the tree says of it, and when it was; its path becomes absolute.
void complete(Violation& violation, const PolicySet& set, std::uint32_t tree);

// What is left as it is, and what nothing was refused of, because whoever did it is excused.
void excuse(Violation& violation, const Found& who);

enum class MountChange : std::uint8_t { kMounted, kUnmounted };

// A mount that hides a tree, or a part of it, or does so no more. Nothing if the policy does not
// mind. It can be told of, not put right.
std::optional<Violation> account_of(const PolicySet& set, std::uint32_t tree, const Mount& mount,
                                    MountChange change, const std::shared_ptr<const Found>& who);

}  // namespace guard
