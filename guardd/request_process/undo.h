// Restores the owner, group and mode that files had before guardd changed them. Only if it is the
// same file and still as guardd left it: the service owns it now, and may have replaced it. Never
// follows a link, crosses a mount or adds a set-id bit. Blocks its caller, so it never runs on the
// loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "guardd/repair/left_alone.h"
#include "policy/policy_set.h"
#include "policy/record/fix.h"

namespace guard {

struct RestoredFile {
  std::size_t fix = 0;  // the first of its fixes
  Ownership from;
  Ownership to;
};

struct UnrestoredFile {
  std::size_t fix = 0;
  std::string why;  // one sentence
};

struct UndoReport {
  std::vector<RestoredFile> restored;  // each file once
  std::vector<UnrestoredFile> left;
};

// In the order of TrailReader::fixes_of(). Adds restored files to `left_alone`, so that guardd does
// not fix them again until they change. Null: a dry run. Counts in `done` what it has looked at.
UndoReport undo(const std::vector<Fix>& fixes, const PolicySet& set, LeftAlone* left_alone,
                const std::stop_token& stop, std::atomic<std::uint64_t>& done);

}  // namespace guard
