#include "guardd/enforce/attribution.h"

#include <cstdint>

#include "guardd/files/object.h"

namespace guard {
namespace {

constexpr std::uint64_t kJustBefore = 30'000'000'000;  // nanoseconds

}  // namespace

// If guardd does not remember processes that have ended, /proc may show another process under the
// same number.
std::shared_ptr<const ActingProcess> process_of(const Notice& notice, Processes& processes) {
  if (notice.detail && notice.detail->time != 0)
    return processes.find(notice.pid, notice.detail->time);
  auto who = processes.find(notice.pid);
  if (processes.remembers() || notice.pid_check.is_same_process()) return who;
  return std::make_shared<const ActingProcess>(notice.pid);
}

Operation operation_of(const Notice& notice) {
  if (notice.detail && notice.kind != Notice::Kind::kFound) return notice.detail->operation;
  switch (notice.kind) {
    case Notice::Kind::kCreated:
      return notice.is_directory ? Operation::kMkdir : Operation::kCreate;
    case Notice::Kind::kMovedIn:
      return Operation::kRename;
    case Notice::Kind::kFound:
      if (notice.was_moved) return Operation::kRename;
      return notice.is_directory ? Operation::kMkdir : Operation::kCreate;
    default:
      return Operation::kChown;
  }
}

bool was_another_just_before(const ActingProcess& who, Uid owner) {
  const auto now = boot_time_now();
  return who.was_another_since(owner, now > kJustBefore ? now - kJustBefore : 0);
}

bool is_foreign(const Notice& notice, const PolicySet& set) {
  if (notice.detail) return notice.detail->is_foreign;
  const auto& tree = set.trees()[notice.directory->tree];
  const auto root = open_tree(tree.root());
  if (!root) return true;
  const auto object =
      open_object(*root, WatchedDirectories::path_of(*notice.directory, notice.name));
  return !object || object->state.uid != set.policy_of(tree).wanted.owner.id;
}

bool is_evidence(const Notice& notice, const Policy& policy, const ActingProcess& who,
                 const PriorKnowledge& prior) {
  if (notice.detail && notice.kind != Notice::Kind::kFound) {
    const bool may_be_planted = notice.kind == Notice::Kind::kMovedIn && prior.is_suspect;
    return notice.detail->is_evidence && !may_be_planted;
  }
  if (!notice.detail &&
      (!who.snapshot().fsuid.has_value() || who.may_have_been(policy.wanted.owner.id)))
    return false;
  switch (notice.kind) {
    case Notice::Kind::kFound:
      return notice.out_of_owners_reach;
    // To touch or rename an object that was here before does not bring it here: log rotation
    // renames files of the service. Until the tree is scanned, older violations are not known.
    case Notice::Kind::kAttributes:
    case Notice::Kind::kMovedIn:
      return !prior.is_suspect && prior.tree_is_scanned;
    default:
      return true;
  }
}

}  // namespace guard
