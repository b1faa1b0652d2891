// What the policies say, in the words of the LSM programs. Fills their tables before a tag speaks
// of them and empties them after the last one does, so that there is no moment at which neither the
// old nor the new policy holds. Hangs no tag anywhere. One thread: the daemon's loop.
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

class KernelPolicy {
 public:
  // The tables are empty, and nobody else's.
  explicit KernelPolicy(KernelTables& tables);

  // From here on tags may speak of this set; what those of the sets before speak of is still there.
  // After an error all is as it was, but for what may be there in vain until finish().
  Status prepare(const PolicySet& set);
  // For the tree of this number in the set that was prepared last, all but `tag.tree` filled in.
  TreeTag tag_of(std::uint32_t tree) const { return now().tags[tree]; }
  // Of all its trees that are not off together, as bits of GuardKind.
  std::uint32_t guards() const { return now().guards; }
  // No tag speaks of a set before that one any more.
  Status finish();

  // Programs may have been replaced: looks them up anew.
  Status refresh_programs();
  // Directories whose changes concern refresh_programs(), whether they are there or not.
  std::vector<std::string> program_paths() const;
  // What the kernel cannot decide, each in a sentence: refused nothing there, put right afterwards.
  const std::vector<std::string>& shortcomings() const { return shortcomings_; }

 private:
  // What has been written, to know what to change.
  struct Written {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> subjects;
    std::map<std::string, std::uint64_t> units;
    ExemptPrograms found;
  };
  enum class Stale : std::uint8_t { kKeep, kDrop };

  const TreeTags& now() const { return held_.back(); }
  void add_tables(TreeTags& next);
  Status add_table(const PatternTable& table);
  void drop_table(const PatternTable& table);
  Status write_exemptions(Stale stale);
  Status write_programs(ExemptPrograms found, Stale stale);
  void sum_up(const Exemptions& exemptions);

  KernelTables& tables_;
  ExemptionSlots slots_;
  std::uint32_t next_table_ = 1;  // 0 is none
  std::vector<TreeTags> held_;    // that a tag may speak of; the one prepared last is the last
  Written there_;
  std::vector<std::string> shortcomings_;
};

}  // namespace guard
