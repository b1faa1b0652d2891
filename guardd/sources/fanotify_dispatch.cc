#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "guardd/files/listing.h"
#include "guardd/sources/fanotify_event.h"
#include "guardd/sources/fanotify_source.h"
#include "policy/base/text.h"

namespace guard {
namespace {

// One turn of the loop: some thousands of events.
constexpr int kReadsATurn = 8;
constexpr std::size_t kBuffer = 64U << 10U;

}  // namespace

// The lock is free between two reads, so that a question need not wait for the whole turn.
bool FanotifySource::dispatch(NoticeReader& reader) {
  static thread_local std::array<char, kBuffer> buffer;
  bool more = true;
  for (int turn = 0; more && turn < kReadsATurn; ++turn) {
    const auto locked = lock();
    if (witness_) witness_->before_read();
    const auto length = ::read(group_.get(), buffer.data(), buffer.size());
    if (length < 0 && errno == EINTR) continue;
    more = length > 0;
    if (!more && witness_) witness_->found_none();
    if (!more) break;
    const auto count = handle_all({buffer.data(), static_cast<std::size_t>(length)}, reader);
    if (witness_) witness_->after_read(count);
  }
  const auto locked = lock();
  if (witness_) witness_->end_turn();
  return more;
}

std::size_t FanotifySource::handle_all(std::string_view events, NoticeReader& reader) {
  std::size_t count = 0;
  while (events.size() >= sizeof(fanotify_event_metadata)) {
    fanotify_event_metadata data{};
    std::memcpy(&data, events.data(), sizeof data);
    if (data.event_len < sizeof data || data.event_len > events.size()) break;
    ++count;
    if ((data.mask & FAN_Q_OVERFLOW) != 0) {
      if (witness_) witness_->lost();
      reader.lost_notices();
    } else {
      handle(FanotifyEvent::parse(data, events.data()), reader);
    }
    events.remove_prefix(data.event_len);
  }
  return count;
}

void FanotifySource::handle(const FanotifyEvent& event, NoticeReader& reader) {
  if ((event.mask & FAN_RENAME) != 0) return handle_rename(event, reader);
  auto* directory = directories_.find(event.parent);
  if (!directory) return;  // a mark that could not be removed
  if (event.name == ".") return handle_self(event, *directory, reader);
  const bool is_directory = (event.mask & FAN_ONDIR) != 0;
  // The root of another tree: its own mark reports it.
  if (is_directory && is_nested(*directory, event.name)) return;
  note(event, *directory);
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
  if (is_directory && (event.mask & (FAN_CREATE | FAN_MOVED_TO)) != 0 &&
      !is_covered(*directory, event.name))
    add_directory(event, *directory, reader);
}

// guardd's own repairs are remembered where they are made.
void FanotifySource::note(const FanotifyEvent& event, const WatchedDirectory& directory) const {
  if (!witness_ || event.pid == self_) return;
  if ((event.mask & FAN_CREATE) != 0)
    witness_->created(directory, event.name, event.object);
  else if ((event.mask & FAN_ATTRIB) != 0)
    witness_->changed(directory, event.name, event.object);
}

// Events of a directory itself are reported as "." in it, never by its name in its parent.
void FanotifySource::handle_self(const FanotifyEvent& event, WatchedDirectory& directory,
                                 NoticeReader& reader) {
  if ((event.mask & FAN_DELETE_SELF) != 0) return directories_.forget(directory);
  if ((event.mask & FAN_MOVE_SELF) != 0 && directory.parent) return verify(directory, reader);
  if ((event.mask & FAN_ATTRIB) == 0) return;
  auto& holder = directory.parent ? *directory.parent : directory;
  if (witness_ && event.pid != self_) witness_->changed(holder, directory.name, directory.id);
  reader.noticed({Notice::Kind::kAttributes, &holder, directory.name, directory.id, true, event.pid,
                  event.pid_check()});
}

// An exchange of two names is two renames.
void FanotifySource::handle_rename(const FanotifyEvent& event, NoticeReader& reader) {
  const bool is_directory = (event.mask & FAN_ONDIR) != 0;
  const auto place = [&](const FileId& parent, std::string_view name) -> WatchedDirectory* {
    auto* directory = directories_.find(parent);
    return directory && is_directory && is_nested(*directory, name) ? nullptr : directory;
  };
  auto* from = place(event.old_parent, event.old_name);
  auto* to = place(event.parent, event.name);
  const bool is_within = from && to && from->tree == to->tree;
  if (witness_) {
    if (is_within) {
      witness_->moved(from, event.old_name, to, event.name, event.object);
    } else {
      if (from) witness_->moved(from, event.old_name, nullptr, {}, event.object);
      if (to) witness_->moved(nullptr, {}, to, event.name, event.object);
    }
  }
  if (to) {
    reader.noticed({Notice::Kind::kMovedIn, to, event.name, event.object, is_directory, event.pid,
                    event.pid_check()});
  }
  const auto guards_names = [&](std::uint32_t tree) {
    return set_ && set_->policy_of(set_->trees()[tree]).said.guards.value.has(Guard::kDelete);
  };
  if (from && !is_within && guards_names(from->tree)) {
    reader.noticed({Notice::Kind::kMovedOut, from, event.old_name, event.object, is_directory,
                    event.pid, event.pid_check()});
  }
  if (!is_directory) return;
  auto* known = directories_.find(event.object);
  if (known && known->parent) move_directory(*known, is_within ? to : nullptr, event.name);
  if (to && !directories_.find(event.object) && !is_covered(*to, event.name))
    add_directory(event, *to, reader);
}

// A directory that leaves its tree is forgotten, with all that is below it and all that is known of
// what it contains, even if it comes back.
void FanotifySource::move_directory(WatchedDirectory& directory, WatchedDirectory* to,
                                    std::string_view name) {
  for (const auto* above = to; above; above = above->parent)
    if (above == &directory) to = nullptr;  // an event was lost
  if (!to) return directories_.forget(directory);
  if (has_patterns(set_->policy_of(set_->trees()[to->tree]))) directories_.renew_places(directory);
  WatchedDirectories::move(directory, *to, std::string(name));
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
  // Another directory has taken the name. What happened to this one has its own event.
  if (event.object.known() && *id != event.object) return;
  if (auto* known = directories_.find(*id)) {
    if (!known->parent || (known->parent == &parent && known->name == event.name)) return;
    WatchedDirectories::move(*known, parent, std::string(event.name));
    return;
  }
  object->fd = *std::move(fd);
  auto& known = directories_.add(*id, parent.tree, &parent, std::string(event.name));
  NewDirectory news;
  if (event.pid != 0) {
    auto& found = news.found.emplace();
    found.kind = Notice::Kind::kFound;
    found.pid = event.pid;
    found.pid_check = event.pid_check();
    found.was_moved = (event.mask & FAN_CREATE) == 0;
  }
  news.is_born = witness_ && (event.mask & FAN_CREATE) != 0 &&
                 witness_->is_born(parent, event.name, event.object);
  mark_all(*std::move(object), known, news, false, reader);
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
