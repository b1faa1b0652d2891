// Facts about a path of this machine, for questions to explain. Reads file metadata, so it can
// block on the file system.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/explain.h"
#include "policy/lookup.h"

namespace guard {

// The path as guardd would see it: absolute, with all links resolved except the last. Parts that
// cannot be resolved stay as written.
std::string resolved_path(const std::string& path);

// What is at a path.
struct PathState {
  std::string path;                    // absolute, with links resolved
  std::optional<ObjectState> present;  // nothing: there is none, or it is not known
  std::optional<Gid> parents_group;    // of a set-gid directory above
  std::string unseen;                  // why it is not known
  bool cannot_chown = false;           // the file system does not store owners
};
PathState look_at_path(std::string path);
void add_path_state(ExplainQuestion& question, PathState state);

// Adds the state of the object at the path and of its parent directory.
void add_path_facts(ExplainQuestion& question, const std::string& path);

// All operations that a process can do: everything but a scan.
std::vector<Operation> all_operations();

}  // namespace guard
