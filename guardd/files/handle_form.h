// How a file system makes the handle of a file from its inode number and generation, learned from
// one handle of it: what the kernel programs tell is these two numbers. Pure. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "guardd/files/file_id.h"

namespace guard {

class HandleForm {
 public:
  HandleForm() = default;  // of a file system that makes them in a way not known here
  // `known` is the identity of the file with this inode number.
  static HandleForm of(const FileId& known, std::uint64_t inode);

  bool known() const { return form_ != Form::kUnknown; }
  // Unknown where the form is.
  FileId make(std::uint64_t inode, std::uint32_t generation) const;

 private:
  enum class Form : std::uint8_t {
    kUnknown,
    kInode32,          // ext4, f2fs and most others: inode, generation
    kInode64,          // xfs
    kGenerationFirst,  // tmpfs
    kSubvolume,        // btrfs
  };

  Form form_ = Form::kUnknown;
  std::string filesystem_;
  std::int32_t type_ = 0;
  std::string subvolume_;
};

}  // namespace guard
