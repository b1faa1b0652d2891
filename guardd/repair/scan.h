// Checks everything in a tree: at start, after lost events, at the end of a pause, on demand.
// Reports what is wrong, or fixes it. Blocks its caller; works on threads of its own, and gives way
// to other work: see Pace.
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
  std::string start;                // a directory of the tree; "": the root
  bool below = true;                // false: only the directory and its entries
  bool fix = false;
  bool dry_run = false;  // with fix: change nothing, but report what would be done
  // Files that changed within the policy's `settle` are left as they are, and reported as busy.
  bool skip_fresh = false;
  Witness* witness = nullptr;  // as in RepairTask
  bool is_requested = false;
  const LeftAlone* left_alone = nullptr;  // with fix: files to leave as they are; null: none
  // Called every few dozen objects, on all threads of the scan at once. May be empty.
  std::function<void()> pulse;
};

struct ScanOptions {
  unsigned threads = 0;                    // 0: one for each processor, at most 4
  bool polite = true;                      // idle I/O priority, nice
  std::uint64_t rate = 0;                  // objects per second; 0: unlimited
  const TreeActivity* activity = nullptr;  // slows the scan down: see Pace
};

// One wrong object. Valid until the callback returns.
struct Finding {
  std::string_view path;  // relative to the tree, raw bytes
  ObjectState state;      // as found
  InodeId id;
  Verdict verdict;
  const RepairOutcome* outcome = nullptr;  // null unless the task says fix
};

// Called on the threads of the scan, never two at once; all of them wait while it runs. It must not
// scan, and should only record or queue the finding.
using OnFinding = std::function<void(const Finding&)>;

// Written by the scan, readable from any thread without a lock. Exact once scan() has returned, and
// until then at most a few dozen objects behind per thread.
struct ScanProgress {
  std::atomic<std::uint64_t> objects{0};
  std::atomic<std::uint64_t> directories{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> fixed{0};
  std::atomic<std::uint64_t> skipped{0};  // with fix: wrong, and left as it is for a reason
  std::atomic<std::uint64_t> failed{0};   // with fix: the kernel reported an error
  std::atomic<std::uint64_t> mounts{0};   // not entered
  std::atomic<std::uint64_t> moved{0};    // directories that moved away while they were read
  std::atomic<std::uint64_t> errors{0};   // objects and directories that could not be read
};

struct ScanReport {
  bool complete = true;               // not stopped, nothing moved, no error
  std::vector<std::string> troubles;  // the first few
};

// An error: the scan could not start.
Result<ScanReport> scan(const Object& root, const ScanTask& task, const ScanOptions& options,
                        const OnFinding& found, const std::stop_token& stop,
                        ScanProgress& progress);

}  // namespace guard
