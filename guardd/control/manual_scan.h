// A scan that a person asked for. With fix it also puts right what guardd would only tell of by
// itself: what a policy logs, what the owner could not read before, and what was undone. All that
// keeps a file from being handed over for another reason still does. Blocks its caller; works on
// threads of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "guardd/repair/scan.h"
#include "guardd/repair/tree_sizes.h"
#include "policy/policy_set.h"
#include "policy/record/record.h"

namespace guard {

struct ManualScan {
  // A policy's name; an absolute path, whose trees or part of a tree it is then; empty: all trees.
  std::string what;
  bool fix = false;
  bool dry_run = false;        // with fix: only say what would be put right
  TreeSizes* sizes = nullptr;  // what is to be expected, and for the next one; null: nobody asks
};

// One object that is wrong. Good until the callback returns.
struct ManualFinding {
  std::uint32_t tree;
  const Policy& policy;  // as the set has it
  std::string path;      // absolute, raw bytes
  ObjectState before;
  InodeId object;
  const Wanted& wanted;
  const RepairOutcome* outcome;  // what became of it; null: it was only looked for
};

// Called on the threads of the scan, never two at once.
using OnAskedFinding = std::function<void(const ManualFinding&)>;

struct ManualScanReport {
  std::uint64_t found = 0;
  std::uint64_t fixed = 0;  // with dry_run: what would be
  bool complete = true;     // not stopped, and all could be looked at
  std::vector<std::string> troubles;
};

// The set as it was loaded will do, and so will one in which policies are paused. Trees that are
// not there are not looked at, and those of policies that are off want nothing; it is an error if
// nothing else was asked for.
Result<ManualScanReport> scan_asked(const PolicySet& set, const ManualScan& asked,
                                    const ScanOptions& options, const OnAskedFinding& found,
                                    const std::stop_token& stop, ScanProgress& progress);

// To be told of what became of it: only where there is an outcome.
Violation make_violation(const PolicySet& set, const ManualFinding& finding);

}  // namespace guard
