// Writes the policies into the tables of the LSM programs. Fills the tables before a tag refers to
// them and empties them after the last tag has stopped doing so: at any moment either the old or
// the new policy is in force. Sets no tags itself. One thread: the daemon's loop.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bpf/kernel_tables.h"
#include "guardd/kernel/exempt_programs.h"
#include "guardd/kernel/exemption_slots.h"
#include "guardd/kernel/tree_tags.h"
#include "policy/base/result.h"
#include "policy/policy_set.h"

namespace guard {

class PolicyTables {
 public:
  // The tables are empty, and nothing else writes them.
  explicit PolicyTables(KernelTables& tables);

  // From here on, tags may refer to this set. The entries of previous sets stay until finish().
  // After an error nothing has changed, except for unused entries that may stay until finish().
  Status prepare(const PolicySet& set);
  // The tag of a tree in the set that was prepared last. The caller fills in `tag.tree`.
  TreeTag tag_of(std::uint32_t tree) const { return now().tags[tree]; }
  // The guards of all its trees that are not off, as bits of GuardKind.
  std::uint32_t guards() const { return now().guards; }
  // No tag refers to an earlier set any more.
  Status finish();

  // There are other containers that count for exemptions: all that are known.
  Status set_containers(std::vector<KnownContainerPtr> containers);

  // Programs may have been replaced: looks them up again.
  Status refresh_programs();
  // Directories whose changes call for refresh_programs(). They may not exist.
  std::vector<std::string> program_directories() const;
  // What the kernel cannot decide, one sentence each: nothing is denied there, only fixed
  // afterwards.
  const std::vector<std::string>& shortcomings() const { return shortcomings_; }

 private:
  // The entries that are in the kernel.
  struct Entries {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> subjects;
    std::map<std::string, std::uint64_t> units;
    std::map<std::uint64_t, std::uint64_t> containers;
    ExemptPrograms programs;
  };
  enum class OldEntries : std::uint8_t { kKeep, kDrop };

  const TreeTags& now() const { return held_.back(); }
  void add_tables(TreeTags& next);
  Status add_table(const PatternTable& table);
  void drop_table(const PatternTable& table);
  Status write_exemptions(OldEntries old);
  Status write_programs(ExemptPrograms found, OldEntries old);
  void update_shortcomings(const Exemptions& exemptions);

  KernelTables& tables_;
  ExemptionSlots slots_;
  std::vector<KnownContainerPtr> containers_;
  std::uint32_t next_table_ = 1;  // 0 is none
  std::vector<TreeTags> held_;    // that a tag may refer to; the one prepared last is the last
  Entries written_;
  std::vector<std::string> shortcomings_;
};

}  // namespace guard
