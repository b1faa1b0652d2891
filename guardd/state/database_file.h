// The directories and files of guardd's databases. Never opens a database.
#pragma once

#include <string>
#include <string_view>

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

// Creates the directory if necessary and opens it. Rejects one that users other than root can
// write. `flags`: more flags for open(2).
Result<Fd> open_private_directory(const std::string& directory, int flags = 0);
// Renames a damaged database. Returns a sentence about it that ends with `consequence`.
Result<std::string> put_aside(const std::string& path, const Error& why,
                              std::string_view consequence);

}  // namespace guard
