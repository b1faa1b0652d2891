// What is in one directory, by descriptor. Any thread.
#pragma once

#include <string>
#include <vector>

#include "guardd/files/file_id.h"
#include "guardd/files/object.h"

namespace guard {

// A directory that O_PATH has found, opened for listing and marking.
Result<Fd> reopened(const Object& object);

struct DirectoryEntry {
  std::string name;
  FileId id;  // if it was asked for
  bool is_directory = false;
};

// All names in a directory. Names that vanish meanwhile are left out.
Result<std::vector<DirectoryEntry>> list(const Object& directory, bool identify);

}  // namespace guard
