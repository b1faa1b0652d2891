#include "guardd/sources/fanotify_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "guardd/files/listing.h"
#include "guardd/permission/decision.h"
#include "guardd/permission/responder.h"
#include "guardd/sources/descent.h"
#include "guardd/sources/fanotify_event.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr std::uint64_t kMask = FAN_CREATE | FAN_MOVED_TO | FAN_ATTRIB | FAN_CLOSE_WRITE |
                                FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_ONDIR | FAN_EVENT_ON_CHILD;
constexpr std::uint64_t kDeletes = FAN_DELETE | FAN_RENAME;

// One turn of the loop: some thousands of events.
constexpr int kReadsATurn = 8;
constexpr std::size_t kBuffer = 64U << 10U;

Result<Fd> open_group(unsigned report) {
  Fd group(
      ::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS | report,
                      O_RDONLY | O_CLOEXEC));
  if (!group) return Error::from_errno(errno, "fanotify");
  return group;
}

}  // namespace

Result<std::unique_ptr<FanotifySource>> FanotifySource::create(bool with_pidfds,
                                                               PermissionResponder& responder) {
  Result<Fd> group = Error("not tried");
  for (const unsigned report : {0U | FAN_REPORT_DFID_NAME_TARGET, 0U | FAN_REPORT_DFID_NAME}) {
    const unsigned pidfds = with_pidfds ? FAN_REPORT_PIDFD : 0U;
    group = open_group(report | pidfds);
    if (!group && with_pidfds) group = open_group(report);
    if (!group) continue;
    const bool names = report == FAN_REPORT_DFID_NAME_TARGET;
    return std::unique_ptr<FanotifySource>(new FanotifySource(*std::move(group), names, responder));
  }
  return std::move(group).error();
}

void FanotifySource::finish() {
  responder_.end_change();
}

// Events that only some guards need are requested only for these: the kernel reports them for every
// process, including the owner's.
std::uint64_t FanotifySource::mask_of(std::uint32_t tree) const {
  if (!set_) return kMask;
  const auto& policy = set_->policy_of(set_->trees()[tree]);
  const auto guards = policy.said.guards.value;
  auto mask = kMask;
  if (policy.strongest_action() == Action::kOff) return mask;
  // Before Linux 5.17 the kernel does not report where a rename leads.
  if (guards.has(Guard::kDelete)) mask |= names_objects_ ? kDeletes : FAN_DELETE;
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
  constexpr auto kAll = kMask | kDeletes | FAN_MODIFY | FAN_CLOSE_NOWRITE;
  (void)::fanotify_mark(group_.get(), FAN_MARK_REMOVE | FAN_MARK_ONLYDIR, kAll, fd->get(), nullptr);
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
  trees_.insert_or_assign(tree, Place{path, std::move(covered)});
  auto& known = directories_.add(id, tree, nullptr, "");
  mark_all(std::move(root), known, std::nullopt, false, reader);
  return {};
}

void FanotifySource::cover(std::uint32_t tree, CoveredPart covered) {
  if (const auto at = trees_.find(tree); at != trees_.end())
    at->second.covered = std::move(covered);
}

Status FanotifySource::look_again(std::uint32_t tree, NoticeReader& reader) {
  auto* known = directories_.find(tree, "");
  if (!known) return Error::from_errno(ENOENT, "tree");
  GUARD_TRY(auto root, locate(*known));
  GUARD_TRY(root.fd, open_directory(root));
  ++visit_;
  mark_all(std::move(root), *known, std::nullopt, true, reader);
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
  for (const auto* directory : directories_.all_of(tree)) unmark(*directory);
  directories_.forget_tree(tree);
  trees_.erase(tree);
}

void FanotifySource::renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) {
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
void FanotifySource::mark_all(Object first, WatchedDirectory& known, std::optional<Notice> found,
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
    if (child->parent && (child->parent != &parent || child->name != name))
      WatchedDirectories::move(*child, parent, name);
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
  descend(std::move(first), known,
          {tree, trees_.at(tree).covered, reader, std::move(found), add, enter});
}

bool FanotifySource::dispatch(NoticeReader& reader) {
  static thread_local std::array<char, kBuffer> buffer;
  for (int turn = 0; turn < kReadsATurn; ++turn) {
    auto length = ::read(group_.get(), buffer.data(), buffer.size());
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return false;
    std::string_view rest(buffer.data(), static_cast<std::size_t>(length));
    while (rest.size() >= sizeof(fanotify_event_metadata)) {
      fanotify_event_metadata data{};
      std::memcpy(&data, rest.data(), sizeof data);
      if (data.event_len < sizeof data || data.event_len > rest.size()) break;
      if ((data.mask & FAN_Q_OVERFLOW) != 0) {
        reader.lost_notices();
      } else {
        handle(FanotifyEvent::parse(data, rest.data()), reader);
      }
      rest.remove_prefix(data.event_len);
    }
  }
  return true;
}

void FanotifySource::handle(const FanotifyEvent& event, NoticeReader& reader) {
  auto* directory = directories_.find(event.parent);
  if (!directory) return;  // a mark that could not be removed
  if (event.name == ".") return handle_self(event, *directory, reader);
  const bool is_directory = (event.mask & FAN_ONDIR) != 0;
  // The root of another tree: its own mark reports it.
  if (is_directory && is_nested(*directory, event.name)) return;
  const auto report = [&](std::uint64_t bit, Notice::Kind kind) {
    if ((event.mask & bit) == 0) return;
    reader.noticed(
        {kind, directory, event.name, event.object, is_directory, event.pid, event.pid_check()});
  };
  report(FAN_CREATE, Notice::Kind::kCreated);
  report(FAN_MOVED_TO, Notice::Kind::kMovedIn);
  report(FAN_ATTRIB, Notice::Kind::kAttributes);
  report(FAN_MODIFY, Notice::Kind::kModified);
  report(FAN_CLOSE_WRITE, Notice::Kind::kClosed);
  report(FAN_DELETE, Notice::Kind::kDeleted);
  if (!is_directory) report(FAN_CLOSE_NOWRITE, Notice::Kind::kRead);
  const auto* to = (event.mask & FAN_RENAME) != 0 ? directories_.find(event.to) : nullptr;
  if (!to || to->tree != directory->tree) report(FAN_RENAME, Notice::Kind::kMovedOut);
  if (is_directory && (event.mask & (FAN_CREATE | FAN_MOVED_TO)) != 0 &&
      !is_covered(*directory, event.name))
    add_directory(event, *directory, reader);
}

// Events of a directory itself are reported as "." in it, never by its name in its parent.
void FanotifySource::handle_self(const FanotifyEvent& event, WatchedDirectory& directory,
                                 NoticeReader& reader) {
  if ((event.mask & FAN_DELETE_SELF) != 0) return directories_.forget(directory);
  if ((event.mask & FAN_MOVE_SELF) != 0 && directory.parent) return verify(directory, reader);
  if ((event.mask & FAN_ATTRIB) == 0) return;
  auto& holder = directory.parent ? *directory.parent : directory;
  reader.noticed({Notice::Kind::kAttributes, &holder, directory.name, directory.id, true, event.pid,
                  event.pid_check()});
}

void FanotifySource::add_directory(const FanotifyEvent& event, WatchedDirectory& parent,
                                   NoticeReader& reader) {
  const auto located = locate(parent);
  if (!located) {
    if (located.error().code() == ENOENT) return;  // gone: its own event reports that
    return reader.lost_sight(
        parent.tree, quote(WatchedDirectories::path_of(parent)) + ": " + located.error().text());
  }
  auto object = open_object(*located, event.name);
  if (!object || object->state.type != FileType::kDirectory) return;
  const auto id = FileId::of(object->fd.get());
  auto fd = open_directory(*object);
  if (!id || !fd) {
    return reader.lost_sight(
        parent.tree, quote(WatchedDirectories::path_of(parent, event.name)) + " cannot be opened");
  }
  if (auto* known = directories_.find(*id)) {
    if (!known->parent || (known->parent == &parent && known->name == event.name)) return;
    WatchedDirectories::move(*known, parent, std::string(event.name));
    return;
  }
  object->fd = *std::move(fd);
  auto& known = directories_.add(*id, parent.tree, &parent, std::string(event.name));
  std::optional<Notice> found;
  if (event.pid != 0) {
    found.emplace();
    found->pid = event.pid;
    found->pid_check = event.pid_check();
    found->was_moved = (event.mask & FAN_MOVED_TO) != 0;
  }
  mark_all(*std::move(object), known, std::move(found), false, reader);
}

// The directory was moved. If it was moved to a watched directory, that one has reported it already
// and the name here is the new one.
void FanotifySource::verify(WatchedDirectory& directory, NoticeReader& reader) {
  const auto located = locate(directory);
  if (located) return;
  const auto code = located.error().code();
  if (code != ENOENT && code != ESTALE && code != ENOTDIR && code != ELOOP && code != EXDEV) {
    reader.lost_sight(directory.tree, quote(WatchedDirectories::path_of(directory)) + ": " +
                                          located.error().text());
  }
  directories_.forget(directory);
}

}  // namespace guard
