// Reads the text of one policy file into drafts. Checks syntax, keys, types and words. Never
// consults another file, a user database or the file system.
#pragma once

#include <string_view>
#include <vector>

#include "policy/diagnostic.h"
#include "policy/draft.h"

namespace guard {

// `file` is the index of the file in `diagnostics`, where errors are reported. Returns every policy
// that could be read in spite of errors, so that one pass finds all of them.
std::vector<DraftPolicy> read_policies(std::string_view text, std::uint32_t file,
                                       Diagnostics& diagnostics);

}  // namespace guard
