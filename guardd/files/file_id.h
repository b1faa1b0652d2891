// A file as the kernel names it to those who must recognise it later: file system and file handle.
// Unlike an inode number it is never given out again, so it is what evidence is about. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

class FileId {
 public:
  FileId() = default;
  FileId(std::string_view filesystem, std::int32_t type, std::string_view handle);

  // Of what an open descriptor names; O_PATH will do.
  static Result<FileId> of(int fd);
  // What bytes() has said before, in another life of guardd.
  static FileId from_bytes(std::string bytes) {
    FileId id;
    id.bytes_ = std::move(bytes);
    return id;
  }

  bool known() const { return !bytes_.empty(); }
  const std::string& bytes() const { return bytes_; }
  friend bool operator==(const FileId&, const FileId&) = default;

 private:
  std::string bytes_;  // fsid, type, handle
};

// The directory of this identity, opened for listing, through any descriptor of its file system
// that was opened for reading.
Result<Fd> open_by_id(int filesystem, const FileId& id);

}  // namespace guard

template <>
struct std::hash<guard::FileId> {
  std::size_t operator()(const guard::FileId& id) const noexcept {
    return std::hash<std::string>{}(id.bytes());
  }
};
