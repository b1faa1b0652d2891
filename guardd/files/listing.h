// Lists one directory, by descriptor. Any thread.
#pragma once

#include <string>
#include <vector>

#include "guardd/files/file_id.h"
#include "guardd/files/object.h"

namespace guard {

// Opens a directory for listing and marking.
Result<Fd> open_directory(const Object& object);

struct DirectoryEntry {
  std::string name;
  FileId id;  // if `identify` is set
  bool is_directory = false;
};

// All names in a directory, except those that disappear meanwhile.
Result<std::vector<DirectoryEntry>> list(const Object& directory, bool identify);

}  // namespace guard
