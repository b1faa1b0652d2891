// Identifies a file over time, by file system and file handle. Unlike an inode number, it is never
// reused, so evidence refers to it. Any thread.
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

class FileId {
 public:
  FileId() = default;
  // Each subvolume of btrfs has a file system id of its own: `subvolume` is the one that this id is
  // of; by default that of the file.
  FileId(std::string_view filesystem, std::int32_t type, std::string_view handle,
         std::optional<std::uint64_t> subvolume = std::nullopt);

  // Of an open descriptor; O_PATH is enough.
  static Result<FileId> of(int fd);
  // From what bytes() returned, also in an earlier run of guardd.
  static FileId from_bytes(std::string bytes) {
    FileId id;
    id.bytes_ = std::move(bytes);
    return id;
  }

  bool known() const { return !bytes_.empty(); }
  const std::string& bytes() const { return bytes_; }
  // Of all its subvolumes.
  std::string_view filesystem() const { return std::string_view(bytes_).substr(0, kFilesystem); }
  // Of btrfs only.
  std::optional<std::uint64_t> subvolume() const;
  // The file system id as the kernel reports it.
  std::uint64_t volume() const;
  // `other` is the same file, as far as is known: one of them can lack the subvolume, which is 0.
  bool is_like(const FileId& other) const;
  std::int32_t type() const;  // of the handle
  std::string_view handle() const;
  friend bool operator==(const FileId&, const FileId&) = default;

 private:
  static constexpr std::size_t kFilesystem = 8;
  static constexpr std::size_t kHead = kFilesystem + sizeof(std::int32_t);

  FileId without_subvolume() const;

  std::string bytes_;  // file system, type, handle
};

// Opens the inode, wherever it is now: by default a directory for listing. `filesystem`: any
// descriptor of its file system that was opened for reading.
Result<Fd> open_by_id(int filesystem, const FileId& id, int flags = O_RDONLY | O_DIRECTORY);

}  // namespace guard

template <>
struct std::hash<guard::FileId> {
  std::size_t operator()(const guard::FileId& id) const noexcept {
    return std::hash<std::string>{}(id.bytes());
  }
};
