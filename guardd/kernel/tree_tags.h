// Builds the tags of a policy set's trees, and the tables that they refer to, for the LSM programs.
// A tree that the programs cannot judge is marked undecidable: they deny nothing there. Writes
// nothing. One thread: the daemon's loop.
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
  std::vector<PatternRow> rows;  // one for each state; empty once written
  std::vector<Terms> rules;
};

struct TreeTags {
  std::vector<TreeTag> tags;  // by the tree's number in the set; `tree` is not filled in
  std::vector<PatternTable> tables;
  std::set<Exemption> exemptions;
  std::uint32_t guards = 0;  // of all trees that are not off, as bits of GuardKind
  bool denies = false;       // any of them does
  std::vector<std::string> shortcomings;
};

// Takes the slots that it needs, and table numbers from `next_table` on.
TreeTags tree_tags(const PolicySet& set, ExemptionSlots& slots, std::uint32_t& next_table);

}  // namespace guard
