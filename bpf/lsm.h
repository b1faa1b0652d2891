// The LSM programs in the kernel: loads and attaches them, tags the roots of trees, fills their
// tables, and delivers their events. Knows no policy and reports nothing. One thread at a time. No
// call waits for anything but the kernel.
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
  std::string name;             // in the kernel: "inode_create"
  std::string program;          // ours, attached to the hook
  std::uint32_t needed_by = 0;  // see KnownHook::guards
  bool loaded = false;          // false: this kernel goes without it
  std::string why_not;          // one sentence, if it is not loaded
  std::uint32_t guards = 0;     // guards that are incomplete without it, as bits of GuardKind
};

struct LsmCounters {
  std::uint64_t denied = 0;
  std::uint64_t passed = 0;     // permitted violations: by the action, or by an exemption
  std::uint64_t unknown = 0;    // permitted: the walk ended before it reached a root
  std::uint64_t undecided = 0;  // permitted: the patterns could not be matched
  std::uint64_t folded = 0;     // reported only as a repetition
  std::uint64_t lost = 0;       // not reported
  friend bool operator==(const LsmCounters&, const LsmCounters&) = default;
};

// An event record, its names joined to paths.
struct LsmEvent {
  const EventRecord& what;
  std::string path;  // below the root of the tree
  bool is_whole;     // false: only the last names are known
  std::optional<std::string> old_path;
};

// Receives events. Called from dispatch(), on its thread.
class LsmListener {
 public:
  LsmListener() = default;
  LsmListener(const LsmListener&) = delete;
  LsmListener& operator=(const LsmListener&) = delete;
  virtual ~LsmListener() = default;
  virtual void on_event(const LsmEvent& event) noexcept = 0;
  virtual void on_close(const CloseRecord& record) noexcept = 0;
};

class Lsm : public KernelTables {
 public:
  // Loads the programs. None runs before attach(), so that trees can be tagged first. A hook that
  // this kernel lacks, or has with other arguments, is left out: see hooks(). An error has the
  // kernel's code. Its first line is our message, the rest is libbpf's log.
  static Result<Lsm> load(std::span<const KnownHook> known = kKnownHooks);
  // How the programs find the tag of an inode: in its storage, or by its number, which needs no
  // pointer that the kernel trusts. load() without it takes what the kernel accepts.
  enum class Tags : std::uint8_t { kInStorage, kByNumber };
  static Result<Lsm> load(std::span<const KnownHook> known, Tags tags);

  Lsm(Lsm&& other) noexcept;
  Lsm& operator=(Lsm&& other) noexcept;
  Lsm(const Lsm&) = delete;
  Lsm& operator=(const Lsm&) = delete;
  ~Lsm() override;

  // Attaches the programs that any of these guards needs, and detaches all others, because each
  // attached program slows down its hook on the whole machine. If one cannot be attached, no new
  // one is. The destructor detaches all.
  Status attach(std::uint32_t guards);
  // The links of the attached programs, by the names of the programs. The programs stay attached as
  // long as any process holds their links.
  std::vector<std::pair<std::string, int>> links() const;

  // A tag lasts as long as the inode stays in memory: the caller keeps a descriptor of the
  // directory open, or a mark on it. A second tag replaces the first in one step.
  Status tag(int directory, const TaggedInode& inode, const TreeTag& tag);
  Status untag(int directory, const TaggedInode& inode);
  // The tag is gone with the inode.
  void forget(const TaggedInode& inode);
  bool is_tagged(int directory) const;
  // Ignores the tag of this tree from now on, if its root can no longer be found to untag it.
  void retire(std::uint64_t tree);
  // The guards of all trees, as bits: the programs skip all other operations.
  void set_guards_in_use(std::uint32_t guards);

  // Where an object in a tree comes from, as the kernel recorded the act: evidence on its inode.
  // Any thread; the descriptor may be one of O_PATH. None: it has no evidence, or a directory has
  // left its tree since, which may have contained it. Evidence ends with the inode in memory.
  std::optional<WitnessTag> witness(int file) const;
  // For the contents of a directory that root has moved into a tree. tag.departures is the number
  // from before the caller looked for them: then the evidence does not count if a directory has
  // left meanwhile. The caller passes nothing that is deeper in the tree than kWitnessDepth.
  Status bear_witness(int file, WitnessTag tag);
  void forget_witness(int file);
  // The next close of this file after it was open for writing is reported, if guards with
  // kClosingBit are attached.
  void await_closing(const OpenInode& file, std::uint64_t tree);

  // How many directories have left the tree, from an arbitrary start; 0: the tree has no evidence.
  std::uint64_t departures(std::uint64_t tree) const;

  Status add_patterns(std::uint32_t patterns, std::span<const PatternRow> rows) override;
  void drop_patterns(std::uint32_t patterns, std::size_t rows) override;
  Status add_rule(const RuleKey& key, const Terms& terms) override;
  void drop_rule(const RuleKey& key) override;

  void exempt(const Exemptions& exemptions) override;
  Status set_subject(const SubjectKey& key, std::uint64_t exemptions) override;
  Status set_unit(std::string_view name, std::uint64_t exemptions) override;
  Status set_container(std::uint64_t control_group, std::uint64_t exemptions) override;
  Status set_program(const ProgramKey& key, const Program& program) override;
  Status drop_program(const ProgramKey& key) override;
  Status set_script(std::string_view comm, std::uint32_t labels) override;
  // Marks this process, with all its threads, as guardd, which is never denied or reported.
  Status exempt_self();
  Status tag_process(int pidfd, const ProcessTag& tag);

  // Readable if there are events.
  int fd() const;
  // Delivers pending events, at most that many. True if there may be more.
  bool dispatch(LsmListener& listener, std::size_t most) noexcept;

  Result<LsmCounters> counters() const;
  std::uint64_t lost() const;  // events not reported since load()
  const std::vector<LsmHook>& hooks() const { return hooks_; }

  // Whether this kernel was built with BPF LSM, according to its BTF.
  static Result<bool> built_in();

 private:
  struct Programs;
  Lsm(std::unique_ptr<Programs> programs, std::vector<LsmHook> hooks);
  bool is_needed(std::string_view program, std::uint32_t guards) const;
  std::optional<TreeTag> tag_of(int directory) const;

  std::unique_ptr<Programs> programs_;
  std::vector<LsmHook> hooks_;
};

}  // namespace guard
