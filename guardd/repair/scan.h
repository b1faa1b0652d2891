// Looks at everything in a tree, whoever changed it and whenever: at start, after a loss, at the
// end of a pause, on demand. Says what is wrong, or puts it right where it stands. Blocks its
// caller; works on threads of its own. Never holds up anybody else: see Pace.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/files/object.h"
#include "guardd/repair/pace.h"
#include "guardd/repair/repair.h"
#include "policy/base/ids.h"
#include "policy/base/result.h"
#include "policy/judge.h"
#include "policy/policy_set.h"

namespace guard {

struct ScanTask {
  const Policy* policy = nullptr;
  std::vector<std::string> nested;  // other trees below this one, relative: see nested_trees()
  std::string start;                // a directory of the tree; "": all of it, the root included
  bool below = true;                // false: only the directory and what it holds itself
  bool fix = false;
  bool dry_run = false;  // with fix: say what would be done
  // What changed more recently than the policy's `settle` is left as it is, and told as busy: it
  // may be in the making.
  bool spare_fresh = false;
  // kSomebodyElse: it is known that `start` was brought in, with all that is below it, by somebody
  // else than the owner.
  Evidence evidence = Evidence::kNone;
  const LeftAlone* left_alone = nullptr;  // with fix: what is to be left as it is; null: nothing
};

struct ScanOptions {
  unsigned threads = 0;           // 0: the processors, at most 4
  bool polite = true;             // idle I/O priority, nice
  std::uint64_t rate = 0;         // objects per second; 0: as fast as it goes
  const InUse* in_use = nullptr;  // slower while somebody works in the trees: see Pace
};

// One object that is wrong. Good until the callback returns.
struct Finding {
  std::string_view path;  // relative to the tree, raw bytes
  ObjectState state;      // as it was found
  InodeId id;
  Verdict verdict;
  const RepairOutcome* outcome = nullptr;  // what became of it; null unless the task says fix
};

// Called on the threads of the scan, never two at once; all of them wait while it runs. It may not
// scan itself, and should do no more than note or queue what it is given.
using OnFinding = std::function<void(const Finding&)>;

// Written by the scan, readable from any thread without a lock. Each is exact once scan() is back
// and at most a few dozen objects a thread behind before.
struct ScanProgress {
  std::atomic<std::uint64_t> expected{0};  // by whoever has counted them before; 0: nobody
  std::atomic<std::uint64_t> objects{0};
  std::atomic<std::uint64_t> directories{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> fixed{0};
  std::atomic<std::uint64_t> skipped{0};  // with fix: wrong, and left as it was for a reason
  std::atomic<std::uint64_t> failed{0};   // with fix: the kernel refused
  std::atomic<std::uint64_t> mounts{0};   // what stands behind them was not looked at
  std::atomic<std::uint64_t> moved{0};    // directories moved away before they were read to the end
  std::atomic<std::uint64_t> errors{0};   // objects and directories that could not be looked at
};

struct ScanReport {
  bool complete = true;               // not stopped, nothing moved, no error
  std::vector<std::string> troubles;  // the first few
};

// An error: the tree could not be looked at at all.
Result<ScanReport> scan(const Object& root, const ScanTask& task, const ScanOptions& options,
                        const OnFinding& found, const std::stop_token& stop,
                        ScanProgress& progress);

}  // namespace guard
