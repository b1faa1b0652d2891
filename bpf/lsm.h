// The LSM programs in the kernel: loads them, attaches them, hangs tags on tree roots and reads the
// counters. Knows no policy, tells nobody anything, and is with libbpf_log the only unit that sees
// libbpf. One thread at a time; no call waits for anything but the kernel.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bpf/hooks.h"
#include "bpf/wire.h"
#include "policy/base/result.h"

struct guard_bpf;

namespace guard {

struct LsmHook {
  std::string name;                         // as the kernel calls it: "inode_create"
  bool loaded = false;                      // else this kernel goes without it
  std::string why_not;                      // one sentence where it is not loaded
  std::uint32_t verified_instructions = 0;  // what the verifier went through, of 1,000,000
};

struct LsmCounters {
  std::uint64_t refused = 0;
  std::uint64_t passed = 0;   // would have been refused under deny
  std::uint64_t unknown = 0;  // passed because the walk ended before it could tell
  friend bool operator==(const LsmCounters&, const LsmCounters&) = default;
};

class Lsm {
 public:
  // Takes the programs past the verifier. None runs before attach(), so that trees can be tagged
  // first. A hook that this kernel lacks, or has with other arguments, is left out: see hooks().
  // The error's code is the kernel's; its text has one line of its own, then libbpf's log.
  static Result<Lsm> load(std::span<const KnownHook> known = kKnownHooks);

  // From here on the programs judge. All or nothing; dropping this object ends it.
  Status attach();

  // The tag holds for as long as the inode stays in memory: whoever tags a directory keeps a
  // descriptor of it open, or a mark on it. Tagging again replaces the tag in one step.
  Status tag(int directory, const TreeTag& tag);
  Status untag(int directory);

  Result<LsmCounters> counters() const;
  const std::vector<LsmHook>& hooks() const { return hooks_; }

  // Whether this kernel was built with BPF LSM at all, by its BTF.
  static Result<bool> built_in();

 private:
  struct Destroy {
    void operator()(guard_bpf* programs) const noexcept;
  };
  using Programs = std::unique_ptr<guard_bpf, Destroy>;

  Lsm(Programs programs, std::vector<LsmHook> hooks)
      : programs_(std::move(programs)), hooks_(std::move(hooks)) {}

  Programs programs_;
  std::vector<LsmHook> hooks_;
};

}  // namespace guard
