#include "guardd/sources/fanotify_source.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "guardd/files/listing.h"
#include "guardd/permission/decision.h"
#include "guardd/permission/responder.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr std::uint64_t kMask = FAN_CREATE | FAN_MOVED_TO | FAN_ATTRIB | FAN_CLOSE_WRITE |
                                FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_ONDIR | FAN_EVENT_ON_CHILD;

// Known to the kernel (5.17) before they were known to the headers of Debian 12's libc.
#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif
#ifndef FAN_EVENT_INFO_TYPE_OLD_DFID_NAME
#define FAN_EVENT_INFO_TYPE_OLD_DFID_NAME 10
#define FAN_EVENT_INFO_TYPE_NEW_DFID_NAME 12
#endif
constexpr std::uint64_t kDeletes = FAN_DELETE | FAN_RENAME;

// One turn of the loop: some thousands of notices.
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

bool Witness::is_still_there() const {
  if (is_gone_) return false;
  // Whoever has ended and was not waited for yet still has the number.
  return process_ < 0 || ::syscall(SYS_pidfd_send_signal, process_, 0, nullptr, 0) == 0 ||
         errno != ESRCH;
}

struct FanotifySource::Event {
  std::uint64_t mask = 0;
  std::int32_t pid = 0;
  FileId parent;
  std::string_view name;
  FileId object;
  FileId to;  // of a rename: the directory that it leads to, if that is watched
  bool is_gone = false;
  Fd process;

  Witness witness() const { return {is_gone, process.get()}; }

  // The records behind the fixed part: the parent with the name, and the object itself where it is
  // told. The kernel aligns nothing, so everything is copied out.
  static Event parse(const fanotify_event_metadata& data, const char* begin) {
    Event event;
    event.mask = data.mask;
    event.pid = data.pid;
    const auto* end = begin + data.event_len;
    for (const auto* at = begin + data.metadata_len; at < end;) {
      if (static_cast<std::uint8_t>(*at) == FAN_EVENT_INFO_TYPE_PIDFD) {
        fanotify_event_info_pidfd told{};
        if (at + sizeof told > end) break;
        std::memcpy(&told, at, sizeof told);
        if (told.hdr.len < sizeof told) break;
        event.is_gone = told.pidfd == FAN_NOPIDFD;
        event.process = Fd(told.pidfd);
        at += told.hdr.len;
        continue;
      }
      Info info;
      if (at + sizeof info > end) break;
      std::memcpy(&info, at, sizeof info);
      const auto* handle = at + sizeof info;
      if (info.length < sizeof info || at + info.length > end ||
          handle + info.handle_bytes > at + info.length)
        break;
      const FileId id({info.filesystem.data(), info.filesystem.size()}, info.handle_type,
                      {handle, info.handle_bytes});
      if (info.type == FAN_EVENT_INFO_TYPE_NEW_DFID_NAME) {
        event.to = id;
      } else if (info.type == FAN_EVENT_INFO_TYPE_DFID_NAME ||
                 info.type == FAN_EVENT_INFO_TYPE_OLD_DFID_NAME) {
        event.parent = id;
        event.name = handle + info.handle_bytes;
      } else if (info.type == FAN_EVENT_INFO_TYPE_FID) {
        event.object = id;
      }
      at += info.length;
    }
    return event;
  }

 private:
  // fanotify_event_info_fid with its file_handle, as they lie in the buffer.
  struct Info {
    std::uint8_t type;
    std::uint8_t pad;
    std::uint16_t length;
    std::array<char, 8> filesystem;
    std::uint32_t handle_bytes;
    std::int32_t handle_type;
  };
  static_assert(sizeof(Info) == sizeof(fanotify_event_info_fid) + sizeof(::file_handle));
};

Result<std::unique_ptr<FanotifySource>> FanotifySource::create(bool tell_whether_gone,
                                                               PermissionResponder* answers) {
  Result<Fd> group = Error("not tried");
  for (const unsigned report : {0U | FAN_REPORT_DFID_NAME_TARGET, 0U | FAN_REPORT_DFID_NAME}) {
    const unsigned gone = tell_whether_gone ? FAN_REPORT_PIDFD : 0U;
    group = open_group(report | gone);
    if (!group && gone != 0) group = open_group(report);
    if (!group) continue;
    const bool names = report == FAN_REPORT_DFID_NAME_TARGET;
    return std::unique_ptr<FanotifySource>(new FanotifySource(*std::move(group), names, answers));
  }
  return std::move(group).error();
}

void FanotifySource::enforced() {
  if (answers_) answers_->end_change();
}

// What only some guards mind is asked for only for these: it is told of everybody, the owner's own
// work as well.
std::uint64_t FanotifySource::mask_of(std::uint32_t tree) const {
  if (!set_) return kMask;
  const auto& policy = set_->policy_of(set_->trees()[tree]);
  const auto guards = policy.said.guards.value;
  auto mask = kMask;
  if (policy.strongest_action() == Action::kOff) return mask;
  // Before Linux 5.17 nobody tells where a rename leads.
  if (guards.has(Guard::kDelete)) mask |= names_objects_ ? kDeletes : FAN_DELETE;
  if (guards.has(Guard::kContent)) mask |= FAN_MODIFY;
  if (guards.has(Guard::kRead) && !needs_answers(policy, false)) mask |= FAN_CLOSE_NOWRITE;
  return mask;
}

Status FanotifySource::mark(std::uint32_t tree, int directory) const {
  if (answers_) answers_->mark(tree, directory);
  const auto mask = mask_of(tree);
  if (::fanotify_mark(group_.get(), FAN_MARK_ADD | FAN_MARK_ONLYDIR, mask, directory, nullptr) == 0)
    return {};
  return Error::from_errno(errno, "mark");
}

// A mark that cannot be taken away any more, since its directory is not where it was, goes with the
// directory; until then it is not listened to.
void FanotifySource::unmark(const WatchedDirectory& directory) const {
  const auto object = locate(directory);
  if (!object) return;
  const auto fd = open_directory(*object);
  if (!fd) return;
  if (answers_) answers_->unmark(directory.tree, fd->get());
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

Status FanotifySource::watch_tree(std::uint32_t tree, const std::string& path, Covered covered,
                                  NoticeReader& reader) {
  GUARD_TRY(const auto root, open_tree(path));
  GUARD_TRY(auto fd, open_directory(root));
  GUARD_TRY(const auto id, FileId::of(fd.get()));
  trees_.insert_or_assign(tree, Place{path, std::move(covered)});
  auto& node = directories_.add(id, tree, nullptr, "");
  adopt(std::move(fd), node, {}, reader);
  return {};
}

void FanotifySource::cover(std::uint32_t tree, Covered covered) {
  if (const auto at = trees_.find(tree); at != trees_.end())
    at->second.covered = std::move(covered);
}

Status FanotifySource::look_again(std::uint32_t tree, NoticeReader& reader) {
  auto* node = directories_.find(tree, "");
  if (!node) return Error::from_errno(ENOENT, "tree");
  GUARD_TRY(const auto root, locate(*node));
  GUARD_TRY(auto fd, open_directory(root));
  ++visit_;
  adopt(std::move(fd), *node, {0, {}, false, true}, reader);
  std::vector<std::uint64_t> gone;
  for (const auto* each : directories_.all_of(tree)) {
    if (each->visit == visit_) continue;
    unmark(*each);  // it may be there still, and only be covered now
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

// Depth first, with one descriptor a level. Marked before it is listed: what comes later is told by
// the kernel, what came before is in the list, and what is in both is told twice, which hurts
// nobody.
void FanotifySource::adopt(Fd directory, WatchedDirectory& node, Arrival arrival,
                           NoticeReader& reader) {
  const bool tell = arrival.pid != 0;
  struct Level {
    Object object;
    WatchedDirectory* node;
    std::vector<DirectoryEntry> below;
    bool out_of_reach;
  };
  const auto enter = [&](Fd fd, WatchedDirectory& entered,
                         bool out_of_reach) -> std::optional<Level> {
    if (auto marked = mark(node.tree, fd.get()); !marked) {
      reader.lost_sight(node.tree, quote(WatchedDirectories::path_of(entered)) +
                                       " cannot be watched: " + marked.error().text());
      return std::nullopt;
    }
    entered.visit = visit_;
    Level level{{}, &entered, {}, out_of_reach};
    level.object.fd = std::move(fd);
    if (!refresh(level.object)) return std::nullopt;
    auto entries = list(level.object, tell);
    if (!entries) {
      reader.lost_sight(
          node.tree, quote(WatchedDirectories::path_of(entered)) + ": " + entries.error().text());
      return std::nullopt;
    }
    level.out_of_reach = out_of_reach && !reader.owner_can_write(node.tree, level.object.state);
    for (auto& entry : *entries) {
      if (entry.is_directory && is_nested(entered, entry.name)) continue;
      if (tell) {
        reader.noticed({Notice::Kind::kFound, &entered, entry.name, entry.id, entry.is_directory,
                        arrival.pid, arrival.witness, arrival.was_moved, level.out_of_reach});
      }
      if (entry.is_directory && !is_covered(entered, entry.name))
        level.below.push_back(std::move(entry));
    }
    return level;
  };

  std::vector<Level> levels;
  if (auto first = enter(std::move(directory), node, true)) levels.push_back(*std::move(first));
  while (!levels.empty()) {
    auto& level = levels.back();
    if (level.below.empty()) {
      levels.pop_back();
      continue;
    }
    const auto entry = std::move(level.below.back());
    level.below.pop_back();
    const auto object =
        open_object(level.object, entry.name);  // EXDEV: a mount, which is no part of the tree
    if (!object || object->state.type != FileType::kDirectory) continue;
    auto fd = open_directory(*object);
    const auto id = FileId::of(object->fd.get());
    if (!fd || !id) continue;  // gone
    auto* child = directories_.find(*id);
    if (child && !arrival.again) continue;
    if (!child) {
      child = &directories_.add(*id, node.tree, level.node, entry.name);
    } else if (child->parent && (child->parent != level.node || child->name != entry.name)) {
      WatchedDirectories::move(*child, *level.node, entry.name);
    }
    const bool out_of_reach = level.out_of_reach;
    if (auto next = enter(*std::move(fd), *child, out_of_reach)) levels.push_back(*std::move(next));
  }
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
        handle(Event::parse(data, rest.data()), reader);
      }
      rest.remove_prefix(data.event_len);
    }
  }
  return true;
}

void FanotifySource::handle(const Event& event, NoticeReader& reader) {
  auto* directory = directories_.find(event.parent);
  // A mark that outlived its tree: it goes when the directory goes, and until then is not listened
  // to.
  if (!directory) return;

  if (event.name == ".") {
    if ((event.mask & FAN_DELETE_SELF) != 0) return directories_.forget(*directory);
    if ((event.mask & FAN_MOVE_SELF) != 0 && directory->parent) return verify(*directory, reader);
    // What happens to a directory itself is told as of "." in it, never as of its name in its
    // parent.
    if ((event.mask & FAN_ATTRIB) != 0) {
      auto& holder = directory->parent ? *directory->parent : *directory;
      reader.noticed({Notice::Kind::kAttributes, &holder, directory->name, directory->id, true,
                      event.pid, event.witness()});
    }
    return;
  }
  const bool is_directory = (event.mask & FAN_ONDIR) != 0;
  // The root of another tree, whose own mark tells of it.
  if (is_directory && is_nested(*directory, event.name)) return;
  const auto tell = [&](std::uint64_t bit, Notice::Kind kind) {
    if ((event.mask & bit) == 0) return;
    reader.noticed(
        {kind, directory, event.name, event.object, is_directory, event.pid, event.witness()});
  };
  tell(FAN_CREATE, Notice::Kind::kCreated);
  tell(FAN_MOVED_TO, Notice::Kind::kMovedIn);
  tell(FAN_ATTRIB, Notice::Kind::kAttributes);
  tell(FAN_MODIFY, Notice::Kind::kModified);
  tell(FAN_CLOSE_WRITE, Notice::Kind::kClosed);
  tell(FAN_DELETE, Notice::Kind::kDeleted);
  if (!is_directory) tell(FAN_CLOSE_NOWRITE, Notice::Kind::kRead);
  const auto* to = (event.mask & FAN_RENAME) != 0 ? directories_.find(event.to) : nullptr;
  if (!to || to->tree != directory->tree) tell(FAN_RENAME, Notice::Kind::kMovedOut);
  if (is_directory && (event.mask & (FAN_CREATE | FAN_MOVED_TO)) != 0 &&
      !is_covered(*directory, event.name))
    directory_came(event, *directory, reader);
}

void FanotifySource::directory_came(const Event& event, WatchedDirectory& parent,
                                    NoticeReader& reader) {
  const auto located = locate(parent);
  if (!located) {
    if (located.error().code() == ENOENT) return;  // gone meanwhile: its own notice says so
    return reader.lost_sight(
        parent.tree, quote(WatchedDirectories::path_of(parent)) + ": " + located.error().text());
  }
  const auto object = open_object(*located, event.name);
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
  auto& node = directories_.add(*id, parent.tree, &parent, std::string(event.name));
  adopt(*std::move(fd), node, {event.pid, event.witness(), (event.mask & FAN_MOVED_TO) != 0},
        reader);
}

// It was moved. If to a watched directory, that has told already and the name here is the new one.
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
