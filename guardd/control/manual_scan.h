// A scan that a user requests. With `fix`, it also fixes what guardd by itself only reports: files
// under a log policy, files that the owner could not read before, and files that were undone. All
// other reasons to skip a file still count. Blocks its caller and uses threads of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "guardd/repair/scan.h"
#include "guardd/repair_process/tree_sizes.h"
#include "policy/policy_set.h"
#include "policy/record/record.h"

namespace guard {

struct ManualScan {
  // The name of a policy, or an absolute path for the trees at or below it or the part of a tree
  // there. Empty: all trees.
  std::string what;
  bool fix = false;
  bool dry_run = false;        // with fix: only reports what would be fixed
  TreeSizes* sizes = nullptr;  // to estimate the progress, and updated; may be null
};

// One object that is wrong. Valid until the callback returns.
struct ManualFinding {
  std::uint32_t tree;
  const Policy& policy;  // as the set has it
  std::string path;      // absolute, raw bytes
  ObjectState before;
  InodeId object;
  const WantedState& wanted;
  const RepairOutcome* outcome;  // of the repair; null without fix
};

// Called on the threads of the scan, but one call at a time.
using OnManualFinding = std::function<void(const ManualFinding&)>;

struct ManualScanReport {
  std::uint64_t found = 0;
  std::uint64_t fixed = 0;  // with dry_run: would be fixed
  bool complete = true;     // it was not stopped, and could look at everything
  std::vector<std::string> troubles;
};

// Pauses in the set do not matter. Ignores trees that do not exist. Fails if all requested trees
// belong to policies that are off.
Result<ManualScanReport> scan_now(const PolicySet& set, const ManualScan& request,
                                  const ScanOptions& options, const OnManualFinding& found,
                                  const std::stop_token& stop, ScanProgress& progress);

// Only for a finding with an outcome.
Violation make_violation(const PolicySet& set, const ManualFinding& finding);

}  // namespace guard
