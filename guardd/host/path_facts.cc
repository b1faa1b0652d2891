#include "guardd/host/path_facts.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "guardd/host/files.h"

namespace guard {
namespace {

constexpr std::uint32_t kSetGid = 02000;

}  // namespace

std::string resolved_path(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  auto absolute = fs::absolute(path, ignored);
  while (!absolute.has_filename() && absolute.has_relative_path())  // "/srv/shop/"
    absolute = absolute.parent_path();
  if (!absolute.has_relative_path()) return "/";
  const auto last = absolute.filename();
  const bool is_name = last != "." && last != "..";
  const auto to_resolve = is_name ? absolute.parent_path() : absolute;
  auto resolved = fs::weakly_canonical(to_resolve, ignored);
  if (resolved.empty()) resolved = to_resolve.lexically_normal();
  if (is_name) resolved /= last;
  // A path that does not exist ends in a slash if ".." led out of it.
  if (!resolved.has_filename() && resolved.has_relative_path()) resolved = resolved.parent_path();
  return resolved.string();
}

PathState look_at_path(std::string path) {
  const SystemFiles files;
  PathState state;
  state.path = std::move(path);
  const auto there = files.look(state.path);
  if (!there) state.unseen = std::generic_category().message(there.error().code());
  if (there && *there) {
    const auto& facts = **there;
    state.present = ObjectState{facts.type, facts.uid, facts.gid, facts.mode, facts.links};
    state.cannot_chown = !facts.can_chown || facts.read_only;
  }
  const auto parent = std::filesystem::path(state.path).parent_path().string();
  if (const auto facts = files.look(parent); facts && *facts) {
    if (((*facts)->mode.value & kSetGid) != 0) state.parents_group = (*facts)->gid;
    if (!state.present) state.cannot_chown = !(*facts)->can_chown || (*facts)->read_only;
  }
  return state;
}

void add_path_state(ExplainQuestion& question, PathState state) {
  question.path = std::move(state.path);
  question.present = state.present;
  question.parents_group = state.parents_group;
  question.unseen = std::move(state.unseen);
  question.cannot_chown = state.cannot_chown;
}

void add_path_facts(ExplainQuestion& question, const std::string& path) {
  add_path_state(question, look_at_path(path));
}

std::vector<Operation> all_operations() {
  std::vector<Operation> operations;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Operation::kScan); ++i)
    operations.push_back(static_cast<Operation>(i));
  operations.push_back(Operation::kRead);
  operations.erase(std::unique(operations.begin(), operations.end()), operations.end());
  return operations;
}

}  // namespace guard
