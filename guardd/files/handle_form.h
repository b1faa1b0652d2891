// How a file system builds a file handle from inode number and generation, derived from one known
// handle. Needed because the LSM programs report only these two numbers. Pure. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "guardd/files/file_id.h"

namespace guard {

class HandleForm {
 public:
  HandleForm() = default;  // unknown
  // `known` is the identity of the file with this inode number.
  static HandleForm of(const FileId& known, std::uint64_t inode);

  bool known() const { return form_ != Form::kUnknown; }
  // An unknown FileId if the form is unknown. On btrfs without the subvolume: see is_like().
  FileId make(std::uint64_t inode, std::uint32_t generation) const;
  // The generation in a handle of this form; 0: the form is unknown.
  std::uint32_t generation_in(const FileId& id) const;

 private:
  enum class Form : std::uint8_t {
    kUnknown,
    kInode32,          // ext4, f2fs and most others: inode, generation
    kInode64,          // xfs
    kGenerationFirst,  // tmpfs
    kSubvolume,        // btrfs; the subvolume is not known
  };

  Form form_ = Form::kUnknown;
  std::string filesystem_;
  std::int32_t type_ = 0;
};

}  // namespace guard
