#include "guardd/sources/fanotify_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "guardd/files/listing.h"
#include "guardd/permission/decision.h"
#include "guardd/permission/responder.h"
#include "guardd/sources/descent.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr std::uint64_t kMask =
    FAN_CREATE | FAN_ATTRIB | FAN_CLOSE_WRITE | FAN_DELETE_SELF | FAN_ONDIR | FAN_EVENT_ON_CHILD;
// A rename is one event with both of its places, or before Linux 5.17 what it did to each.
constexpr std::uint64_t kRenames = FAN_RENAME;
constexpr std::uint64_t kHalfRenames = FAN_MOVED_TO | FAN_MOVE_SELF;

Result<Fd> open_group(unsigned report) {
  Fd group(
      ::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS | report,
                      O_RDONLY | O_CLOEXEC));
  if (!group) return Error::from_errno(errno, "fanotify");
  return group;
}

}  // namespace

Result<std::unique_ptr<FanotifySource>> FanotifySource::create(const Options& options,
                                                               PermissionResponder& responder) {
  Result<Fd> group = Error("not tried");
  for (const unsigned report : {0U | FAN_REPORT_DFID_NAME_TARGET, 0U | FAN_REPORT_DFID_NAME}) {
    const unsigned pidfds = options.with_pidfds ? FAN_REPORT_PIDFD : 0U;
    group = open_group(report | pidfds);
    if (!group && options.with_pidfds) group = open_group(report);
    if (!group) continue;
    const bool names = report == FAN_REPORT_DFID_NAME_TARGET;
    std::unique_ptr<FanotifySource> source(new FanotifySource(*std::move(group), names, responder));
    if (options.with_evidence && names) {
      source->witness_ =
          std::make_unique<FanotifyWitness>(source->group_.get(), source->directories_);
    }
    return source;
  }
  return std::move(group).error();
}

std::unique_lock<std::mutex> FanotifySource::lock() const {
  return witness_ ? std::unique_lock(witness_->mutex()) : std::unique_lock<std::mutex>();
}

Status FanotifySource::prepare(std::shared_ptr<const PolicySet> set) {
  const auto locked = lock();
  set_ = std::move(set);
  if (witness_) witness_->use_policies(set_);
  return {};
}

void FanotifySource::finish() {
  responder_.end_change();
}

std::vector<std::string> FanotifySource::shortcomings() const {
  if (!witness_) {
    return {
        "this kernel is older than Linux 5.17: guardd does not fix new files that their owner "
        "could not read before; it reports them"};
  }
  if (links_are_protected()) return {};
  return {
      "fs.protected_hardlinks is 0, so guardd cannot tell new files from hard links: it does "
      "not fix new files that their owner could not read before, but reports them; set it "
      "to 1"};
}

std::uint64_t FanotifySource::usual_mask() const {
  return kMask | (names_objects_ ? kRenames : kHalfRenames);
}

// Events that only some guards need are requested only for these: the kernel reports them for every
// process, including the owner's.
std::uint64_t FanotifySource::mask_of(std::uint32_t tree) const {
  auto mask = usual_mask();
  if (!set_) return mask;
  const auto& policy = set_->policy_of(set_->trees()[tree]);
  const auto guards = policy.said.guards.value;
  if (policy.strongest_action() == Action::kOff) return mask;
  if (guards.has(Guard::kDelete)) mask |= FAN_DELETE;
  if (guards.has(Guard::kContent)) mask |= FAN_MODIFY;
  if (guards.has(Guard::kRead) && !needs_answers(policy, false)) mask |= FAN_CLOSE_NOWRITE;
  return mask;
}

Status FanotifySource::mark(std::uint32_t tree, int directory) const {
  responder_.mark(tree, directory);
  const auto mask = mask_of(tree);
  if (::fanotify_mark(group_.get(), FAN_MARK_ADD | FAN_MARK_ONLYDIR, mask, directory, nullptr) == 0)
    return {};
  return Error::from_errno(errno, "mark");
}

// If the directory is not where it was, its mark cannot be removed. It goes with the directory; its
// events are ignored until then.
void FanotifySource::unmark(const WatchedDirectory& directory) const {
  const auto object = locate(directory);
  if (!object) return;
  const auto fd = open_directory(*object);
  if (!fd) return;
  responder_.unmark(directory.tree, fd->get());
  const auto all = usual_mask() | FAN_DELETE | FAN_MODIFY | FAN_CLOSE_NOWRITE;
  (void)::fanotify_mark(group_.get(), FAN_MARK_REMOVE | FAN_MARK_ONLYDIR, all, fd->get(), nullptr);
}

bool FanotifySource::is_nested(const WatchedDirectory& directory, std::string_view name) const {
  const auto tree = trees_.find(directory.tree);
  return tree != trees_.end() && !tree->second.covered.empty() &&
         tree->second.covered.is_nested(WatchedDirectories::path_of(directory, name));
}

bool FanotifySource::is_covered(const WatchedDirectory& directory, std::string_view name) const {
  const auto tree = trees_.find(directory.tree);
  if (tree == trees_.end() || tree->second.covered.empty()) return false;
  const auto path = WatchedDirectories::path_of(directory, name);
  return tree->second.covered.is_nested(path) || tree->second.covered.all_below(path);
}

Status FanotifySource::watch_tree(std::uint32_t tree, const std::string& path, CoveredPart covered,
                                  NoticeReader& reader) {
  GUARD_TRY(auto root, open_tree(path));
  GUARD_TRY(root.fd, open_directory(root));
  GUARD_TRY(const auto id, FileId::of(root.fd.get()));
  const auto locked = lock();
  trees_.insert_or_assign(tree, Place{path, std::move(covered)});
  auto& known = directories_.add(id, tree, nullptr, "");
  mark_all(std::move(root), known, {}, false, reader);
  return {};
}

void FanotifySource::cover(std::uint32_t tree, CoveredPart covered) {
  if (const auto at = trees_.find(tree); at != trees_.end())
    at->second.covered = std::move(covered);
}

Status FanotifySource::look_again(std::uint32_t tree, NoticeReader& reader) {
  const auto locked = lock();
  auto* known = directories_.find(tree, "");
  if (!known) return Error::from_errno(ENOENT, "tree");
  GUARD_TRY(auto root, locate(*known));
  GUARD_TRY(root.fd, open_directory(root));
  ++visit_;
  mark_all(std::move(root), *known, {}, true, reader);
  std::vector<std::uint64_t> gone;
  for (const auto* each : directories_.all_of(tree)) {
    if (each->visit == visit_) continue;
    unmark(*each);  // it may still exist and only be covered now
    gone.push_back(each->number);
  }
  for (const auto number : gone)
    if (auto* each = directories_.find(number)) directories_.forget(*each);
  return {};
}

void FanotifySource::forget_tree(std::uint32_t tree) {
  const auto locked = lock();
  for (const auto* directory : directories_.all_of(tree)) unmark(*directory);
  directories_.forget_tree(tree);
  trees_.erase(tree);
}

std::optional<std::int64_t> FanotifySource::proven_at(const WatchedDirectory& directory,
                                                      std::string_view name, const FileId& object) {
  const auto locked = lock();
  return witness_ ? witness_->proven_at(directory, name, object) : std::nullopt;
}

void FanotifySource::prove_again(const WatchedDirectory& directory, std::string_view name,
                                 const FileId& object, std::int64_t changed) {
  const auto locked = lock();
  if (witness_) witness_->prove_again(directory, name, object, changed);
}

void FanotifySource::renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) {
  const auto locked = lock();
  directories_.renumber(numbers);
  trees_ = renumbered(std::move(trees_), numbers);
}

Result<Object> FanotifySource::locate(const WatchedDirectory& directory) const {
  const auto tree = trees_.find(directory.tree);
  if (tree == trees_.end()) return Error::from_errno(ENOENT, "tree");
  GUARD_TRY(const auto root, open_tree(tree->second.path));
  GUARD_TRY(auto object, open_object(root, WatchedDirectories::path_of(directory)));
  GUARD_TRY(const auto id, FileId::of(object.fd.get()));
  if (id != directory.id) return Error::from_errno(ESTALE, "another directory is there now");
  return object;
}

// A directory is marked before it is listed: the kernel reports what comes later, the list holds
// what came before, and what is in both is reported twice, which does no harm.
void FanotifySource::mark_all(Object first, WatchedDirectory& known, const NewDirectory& news,
                              bool again, NoticeReader& reader) {
  const auto tree = known.tree;
  const auto add = [&](Object& object, WatchedDirectory& parent,
                       const std::string& name) -> WatchedDirectory* {
    const auto id = FileId::of(object.fd.get());
    auto fd = open_directory(object);
    if (!fd || !id) return nullptr;  // gone
    object.fd = *std::move(fd);
    auto* child = directories_.find(*id);
    if (!child) return &directories_.add(*id, tree, &parent, name);
    if (!again) return nullptr;
    if (child->parent && (child->parent != &parent || child->name != name)) {
      directories_.renew_places(*child);  // an event was lost
      WatchedDirectories::move(*child, parent, name);
    }
    return child;
  };
  const auto enter = [&](Object& object, WatchedDirectory& entered) {
    if (const auto marked = mark(tree, object.fd.get()); !marked) {
      reader.lost_sight(tree, quote(WatchedDirectories::path_of(entered)) +
                                  " cannot be watched: " + marked.error().text());
      return false;
    }
    entered.visit = visit_;
    return static_cast<bool>(refresh(object));
  };
  Descent descent{tree, trees_.at(tree).covered, reader, {}, add, enter};
  if (news.found) {
    descent.found = [&](const Object& /*directory*/, WatchedDirectory& holder,
                        const DirectoryEntry& entry, bool by_root_alone) {
      if (witness_ && by_root_alone) witness_->found(holder, entry.name, entry.id);
      auto notice = *news.found;
      notice.directory = &holder;
      notice.name = entry.name;
      notice.object = entry.id;
      notice.is_directory = entry.is_directory;
      reader.noticed(notice);
    };
  }
  descend(std::move(first), known, news.is_born, descent);
}

}  // namespace guard
