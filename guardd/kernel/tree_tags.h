// From a set of policies to the tags of its trees and what they speak of, in the words of the LSM
// programs. Where those have no word, a tree is said to be undecidable: nothing is refused there
// that would be allowed. Writes nothing. One thread: the daemon's loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "bpf/wire/wire.h"
#include "guardd/kernel/exemption_slots.h"
#include "policy/policy_set.h"

namespace guard {

struct PatternTable {
  std::uint32_t id;
  std::string policy;
  std::size_t states;
  std::vector<PatternRow> rows;  // one for each state, as long as they are wanted
  std::vector<Terms> rules;
};

struct TreeTags {
  std::vector<TreeTag> tags;  // by the tree's number in the set; which is not filled in
  std::vector<PatternTable> tables;
  std::set<Exemption> exemptions;
  std::uint32_t guards = 0;  // of all that are not off, as bits of GuardKind
  bool denies = false;       // any of them
  std::vector<std::string> shortcomings;
};

// Takes the slots that it needs, and numbers from `next_table` on.
TreeTags tree_tags(const PolicySet& set, ExemptionSlots& slots, std::uint32_t& next_table);

}  // namespace guard
