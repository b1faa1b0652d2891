// Facts about a path of this machine, for questions to explain. Reads file metadata, so it can
// block on the file system.
#pragma once

#include <string>
#include <vector>

#include "policy/explain.h"
#include "policy/lookup.h"

namespace guard {

// The path as guardd would see it: absolute, with all links resolved except the last. Parts that
// cannot be resolved stay as written.
std::string resolved_path(const std::string& path);

// Adds the state of the object at the path and of its parent directory.
void add_path_facts(ExplainQuestion& question, const std::string& path);

// All operations that a process can do: everything but a scan.
std::vector<Operation> all_operations();

}  // namespace guard
