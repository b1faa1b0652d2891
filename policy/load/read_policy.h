// The text of one policy file → drafts. Syntax, keys, types and words; nothing that another file, a
// user database or a file system would have to be asked for.
#pragma once

#include <string_view>
#include <vector>

#include "policy/diagnostic.h"
#include "policy/draft.h"

namespace guard {

// `file` is the file's number in `diagnostics`. What is wrong is reported there; what could be read
// in spite of it is returned, so that everything else wrong with it is found in the same go.
std::vector<DraftPolicy> read_policies(std::string_view text, std::uint32_t file,
                                       Diagnostics& diagnostics);

}  // namespace guard
