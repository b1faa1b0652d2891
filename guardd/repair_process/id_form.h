// How the identity of a file goes from one process to the other. Pure.
#pragma once

#include "guardd/files/file_id.h"
#include "guardd/helpers/record.h"

namespace guard {

inline void write_id(ContentsWriter& out, const FileId& id) {
  out.text(id.bytes());
}

// Longer than any that the kernel has.
inline constexpr std::size_t kLongestId = 256;

inline FileId read_id(ContentsReader& in) {
  return FileId::from_bytes(in.text(kLongestId));
}

}  // namespace guard
