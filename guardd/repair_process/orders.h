// What the main process asks the repair process for, and what that says: as each of them has it.
// repair_form.h has it as it goes from one to the other. Values; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "guardd/files/file_id.h"
#include "guardd/host/clock.h"
#include "guardd/repair/repair.h"
#include "policy/judge.h"
#include "policy/policy_set.h"
#include "policy/record/fixed_files.h"

namespace guard {

// One object to fix, or with `look` everything in one directory.
struct RepairOrder {
  std::uint64_t number = 0;
  std::shared_ptr<const PolicySet> set;
  std::uint32_t tree = 0;
  std::string path;  // relative to the tree
  bool look = false;
  FileId directory;  // the one of `path`, when the change was noticed
  FileId object;     // unknown: any
  Operation operation = Operation::kScan;
  std::optional<Standing> subject;  // the acting process, if it is known
  bool is_excused = false;          // it is: the file joins LeftAlone
  bool war = false;

  const Policy& policy() const { return set->policy_of(set->trees()[tree]); }
};

// The result. With `look` there is one for each wrong object, and at the end one that is_end alone.
struct OrderReport {
  std::uint64_t order = 0;
  std::string path{};
  RepairOutcome outcome{};
  std::string trouble{};  // not empty: why the directory could not be read
  bool is_end = false;
};

struct ScanOrder {
  std::uint64_t number = 0;
  std::shared_ptr<const PolicySet> set;
  std::uint32_t tree = 0;
  std::string file_system;  // what FileId calls it

  const std::string& path() const { return set->trees()[tree].path; }
};

// A wrong object that a scan has found, or a list of fixed ones, or the end of the scan.
struct ScanFinding {
  std::uint64_t order = 0;
  std::shared_ptr<const PolicySet> set{};  // the policies it was judged by
  std::uint32_t tree = 0;
  std::string path{};
  RepairOutcome outcome{};
  FileId object{};  // unless it was fixed
  // Not empty: all these files were fixed, and path and outcome are those of the first.
  FixedFiles files{};  // by absolute paths
  bool is_end = false;
  bool is_complete = false;   // with is_end: everything in the tree was checked
  std::uint64_t objects = 0;  // with is_end: so many
  SteadyTime began{};         // with is_end
};

}  // namespace guard
