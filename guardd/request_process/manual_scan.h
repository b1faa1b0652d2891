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

namespace guard {

// A tree, or what lies in it at a path.
struct ScanTarget {
  std::uint32_t tree = 0;
  std::string start{};  // relative
};

// `where`: the name of a policy, or an absolute path for the trees at or below it or the part of a
// tree there. Empty: all trees. Pauses in the set do not matter. Fails if all these trees belong to
// policies that are off. Pure.
Result<std::vector<ScanTarget>> targets_of(const PolicySet& set, const std::string& where);

// How many objects they have; 0: unknown, because only the sizes of whole trees are known.
std::uint64_t expected_of(const PolicySet& set, const std::vector<ScanTarget>& targets,
                          const TreeSizes& sizes);

struct ManualScan {
  std::vector<ScanTarget> targets;
  bool fix = false;
  bool dry_run = false;  // with fix: only reports what would be fixed
};

// One object that is wrong, and the result of its repair.
struct ManualFinding {
  std::uint32_t tree = 0;
  std::string path{};       // relative, raw bytes
  RepairOutcome outcome{};  // its verdict is valid during the call
};

// The first is called with fix only, on the threads of the scan, but one call at a time.
struct OnManualScan {
  std::function<void(ManualFinding)> found{};
  std::function<void(std::uint32_t tree, std::uint64_t objects)> counted{};  // a whole tree
};

struct ManualScanReport {
  std::uint64_t found = 0;
  std::uint64_t fixed = 0;  // with dry_run: would be fixed
  bool complete = true;     // it was not stopped, and could look at everything
  std::vector<std::string> troubles;
};

// Ignores trees that do not exist.
Result<ManualScanReport> scan_now(const PolicySet& set, const ManualScan& request,
                                  const ScanOptions& options, const OnManualScan& on,
                                  const std::stop_token& stop, ScanProgress& progress);

}  // namespace guard
