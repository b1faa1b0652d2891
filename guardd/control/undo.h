// Gives files back the owner, group and mode that they had before guardd changed them. Only what is
// the very file, and still is as guardd has left it: the service owns it by then, and may have put
// anything in its place. Never follows a link, crosses a mount or adds a set-id bit. Blocks its
// caller; any thread, but never the daemon's loop.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "guardd/audit/reader.h"
#include "guardd/repair/left_alone.h"
#include "policy/policy_set.h"

namespace guard {

struct RestoredFile {
  std::string path;
  Ownership from;
  Ownership to;
};

struct UnrestoredFile {
  std::string path;
  std::string why;  // one sentence
};

struct UndoReport {
  std::vector<RestoredFile> restored;  // each file once
  std::vector<UnrestoredFile> left;
};

// In the order given, which is that of TrailReader::fixes_of(). What is restored is told to
// `undone`, so that it is not put right again as long as nobody changes it; null: nothing is
// restored, it is only said what would be.
UndoReport undo(const std::vector<Fix>& fixes, const PolicySet& set, LeftAlone* left_alone,
                const std::stop_token& stop);

}  // namespace guard
