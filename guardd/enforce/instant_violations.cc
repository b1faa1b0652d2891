#include "guardd/enforce/instant_violations.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "guardd/files/object.h"
#include "guardd/permission/decision.h"
#include "guardd/sources/watched_directories.h"
#include "policy/judge.h"

namespace guard {
namespace {

Result<Object> object_at(const Tree& tree, std::string_view path) {
  GUARD_TRY(const auto root, open_tree(tree.root()));
  return open_object(root, path);
}

// A notice of attributes does not say which ones changed. A changed owner is another violation, and
// equal times of content and inode mean that only times were set.
bool are_attributes(const Result<Object>& object, const WantedState& wanted) {
  struct statx facts {};
  if (!object || ::statx(object->fd.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
                         STATX_BASIC_STATS, &facts) != 0)
    return false;
  if (Uid{facts.stx_uid} != wanted.owner.id || Gid{facts.stx_gid} != wanted.group.id) return false;
  return !is_same_moment(nanoseconds(facts.stx_mtime), nanoseconds(facts.stx_ctime));
}

// Nothing if no guard covers the operation.
std::optional<Operation> guarded_operation(const Notice& notice, const Policy& policy) {
  // Where opens need an answer, the responder reports them. truncate() works without an open.
  const bool is_asked = needs_answers(policy, false);
  switch (notice.kind) {
    case Notice::Kind::kClosed:
      return is_asked ? std::nullopt : std::optional(Operation::kWrite);
    case Notice::Kind::kModified:
      return is_asked ? Operation::kTruncate : Operation::kWrite;
    case Notice::Kind::kRead:
      return is_asked ? std::nullopt : std::optional(Operation::kRead);
    case Notice::Kind::kDeleted:
      return notice.is_directory ? Operation::kRmdir : Operation::kUnlink;
    case Notice::Kind::kMovedOut:
      return Operation::kRename;
    case Notice::Kind::kAttributes:
      return Operation::kChmod;
    default:
      return std::nullopt;
  }
}

}  // namespace

bool InstantViolations::is_instant(Notice::Kind kind) {
  return kind == Notice::Kind::kModified || kind == Notice::Kind::kRead ||
         kind == Notice::Kind::kDeleted || kind == Notice::Kind::kMovedOut;
}

bool InstantViolations::is_guarded(const Notice& notice, const Policy& policy) {
  return !notice.detail && guarded_operation(notice, policy);
}

std::optional<Violation> InstantViolations::judge(const PolicySet& set, const Notice& notice,
                                                  const ActingProcess& who, SteadyTime now) {
  const auto& tree = set.trees()[notice.directory->tree()];
  const auto& policy = set.policy_of(tree);
  // Fails open: an unknown process may be the owner, so its act is not reported.
  if (!who.snapshot().fsuid) return std::nullopt;
  const auto operation = guarded_operation(notice, policy);
  if (!operation) return std::nullopt;

  const auto path = WatchedDirectories::path_of(*notice.directory, notice.name);
  Change change;
  change.operation = *operation;
  change.direction =
      notice.kind == Notice::Kind::kMovedOut ? Direction::kOutOf : Direction::kWithin;
  change.path = path;
  change.type = notice.is_directory ? FileType::kDirectory : FileType::kRegular;
  const auto verdict = guard::judge(policy, who.subject(), change);
  if (!verdict.violation() || verdict.guard == Guard::kOwnership) return std::nullopt;
  if (notice.kind == Notice::Kind::kAttributes &&
      !are_attributes(object_at(tree, path), verdict.wanted ? *verdict.wanted : policy.wanted))
    return std::nullopt;
  const auto& self = who.snapshot();
  if (was_reported(fmt::format("{} {} {} {}", self.pid, self.start, word(*operation), path), now))
    return std::nullopt;

  Violation violation;
  violation.guard = verdict.guard;
  violation.operation = *operation;
  violation.path = path;
  violation.file_type = change.type;
  violation.links = 1;
  violation.actor = who.shared_actor();
  if (notice.kind == Notice::Kind::kDeleted || notice.kind == Notice::Kind::kMovedOut)
    return violation;
  const auto object = object_at(tree, path);
  if (!object) return std::nullopt;  // it is gone
  violation.object = object->id;
  violation.file_type = object->state.type;
  violation.links = object->state.links;
  violation.times = object->state.times;
  violation.before = Ownership{object->state.uid, object->state.gid, object->state.mode};
  violation.after = violation.before;
  return violation;
}

bool InstantViolations::was_reported(const std::string& what, SteadyTime now) {
  const auto [at, is_first] = reported_.try_emplace(what, now);
  if (!is_first && now - at->second < kSame) return true;
  at->second = now;
  if (reported_.size() > kMost) {
    std::erase_if(reported_, [&](const auto& each) { return now - each.second >= kSame; });
    // Fails safe: beyond the bound, an act may be reported twice.
    if (reported_.size() > kMost) reported_.clear();
  }
  return false;
}

}  // namespace guard
