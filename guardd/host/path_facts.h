// A question about a path of this machine, put together from what lies there: for explain. Looks
// at files and accounts, so it may wait for either.
#pragma once

#include <string>
#include <vector>

#include "policy/explain.h"
#include "policy/lookup.h"

namespace guard {

// The path as guardd would meet it: absolute, with the links on the way to it resolved, but not the
// last. What cannot be resolved stays as written.
std::string met_as(const std::string& path);

// What lies at the path, and above it, as far as it matters.
void look_there(ExplainQuestion& question, const std::string& path);

// All that can be asked about: a scan is nobody's doing.
std::vector<Operation> all_operations();

}  // namespace guard
