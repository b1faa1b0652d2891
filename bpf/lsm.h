// The LSM programs in the kernel: loads them, attaches them, hangs tags on tree roots, fills the
// tables that they decide by, and hands over what they tell. Knows no policy and tells nobody
// anything. One thread at a time; no call waits for anything but the kernel.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bpf/hooks.h"
#include "bpf/kernel_tables.h"
#include "bpf/wire/wire.h"
#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

struct LsmHook {
  std::string name;                         // as the kernel calls it: "inode_create"
  std::string program;                      // as we call what is attached to it
  std::uint32_t needed_by = 0;              // guards; see KnownHook
  bool loaded = false;                      // else this kernel goes without it
  std::string why_not;                      // one sentence where it is not loaded
  std::uint32_t guards = 0;                 // that get less without it, as bits of GuardKind
};

struct LsmCounters {
  std::uint64_t denied = 0;
  std::uint64_t passed = 0;     // would have been refused under deny, by whoever is not spared
  std::uint64_t unknown = 0;    // passed because the walk ended before it could tell
  std::uint64_t undecided = 0;  // passed because the patterns could not be asked
  std::uint64_t folded = 0;     // told only as the repetition of another
  std::uint64_t lost = 0;       // not told
  friend bool operator==(const LsmCounters&, const LsmCounters&) = default;
};

// Something that happened, its names put together.
struct LsmEvent {
  const EventRecord& what;
  std::string path;  // relative to the tree
  bool is_whole;     // else only its last names are known
  std::optional<std::string> old_path;
};

// Who wants to hear it. Called from within dispatch(), on its thread.
class LsmListener {
 public:
  LsmListener() = default;
  LsmListener(const LsmListener&) = delete;
  LsmListener& operator=(const LsmListener&) = delete;
  virtual ~LsmListener() = default;
  virtual void happened(const LsmEvent& happening) noexcept = 0;
  virtual void closed(const CloseRecord& closed) noexcept = 0;
};

// An inode that carries a tag, as the programs see it. st_dev can be another device than the super
// block's (btrfs).
struct TaggedInode {
  std::uint64_t inode = 0;
  std::uint32_t device = 0;  // of the super block: major << 20 | minor
};

class Lsm : public KernelTables {
 public:
  // Takes the programs past the verifier. None runs before attach(), so that trees can be tagged
  // first. A hook that this kernel lacks, or has with other arguments, is left out: see hooks().
  // The error's code is the kernel's; its text has one line of its own, then libbpf's log.
  static Result<Lsm> load(std::span<const KnownHook> known = kKnownHooks);

  Lsm(Lsm&& other) noexcept;
  Lsm& operator=(Lsm&& other) noexcept;
  Lsm(const Lsm&) = delete;
  Lsm& operator=(const Lsm&) = delete;
  ~Lsm() override;

  // From here on the programs judge that any of these guards needs, and no others are asked: each
  // costs whoever passes its hook, anywhere. All or nothing of those that are new; dropping this
  // object ends it.
  Status attach(std::uint32_t guards);
  // The links of those that judge, by the names of their programs: they do while anybody holds all
  // of them.
  std::vector<std::pair<std::string, int>> links() const;

  // The tag holds for as long as the inode stays in memory: whoever tags a directory keeps a
  // descriptor of it open, or a mark on it. Tagging again replaces the tag in one step.
  Status tag(int directory, const TaggedInode& inode, const TreeTag& tag);
  Status untag(int directory, const TaggedInode& inode);
  // The tag went with the inode.
  void forget(const TaggedInode& inode);
  bool is_tagged(int directory) const;
  // A tag that cannot be found any more means nothing from here on.
  void retire(std::uint64_t tree);
  // The guards that any tree has, as bits: what none minds is not even placed.
  void mind(std::uint32_t guards);

  Status add_patterns(std::uint32_t patterns, std::span<const PatternRow> rows) override;
  void drop_patterns(std::uint32_t patterns, std::size_t rows) override;
  Status add_rule(const RuleKey& key, const Terms& terms) override;
  void drop_rule(const RuleKey& key) override;

  void exempt(const Exemptions& exemptions) override;
  Status set_subject(const SubjectKey& key, std::uint64_t exemptions) override;
  Status set_unit(std::string_view name, std::uint64_t exemptions) override;
  Status set_program(const ProgramKey& key, const Program& program) override;
  Status drop_program(const ProgramKey& key) override;
  Status set_script(std::string_view comm, std::uint32_t labels) override;
  // This very process, with all its threads, is guardd: never judged.
  Status exempt_self();
  Status set_standing(int pidfd, const TreeStanding& standing);

  // Readable when something was told.
  int fd() const;
  // Hands over what is there, at most that many. True if there may be more.
  bool dispatch(LsmListener& listener, std::size_t most) noexcept;

  Result<LsmCounters> counters() const;
  std::uint64_t lost() const;  // told to nobody, since load()
  const std::vector<LsmHook>& hooks() const { return hooks_; }

  // Whether this kernel was built with BPF LSM at all, by its BTF.
  static Result<bool> built_in();

 private:
  struct Programs;
  Lsm(std::unique_ptr<Programs> programs, std::vector<LsmHook> hooks);
  bool is_needed(std::string_view program, std::uint32_t guards) const;

  std::unique_ptr<Programs> programs_;
  std::vector<LsmHook> hooks_;
};

}  // namespace guard
