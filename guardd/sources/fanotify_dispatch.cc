#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "guardd/files/listing.h"
#include "guardd/host/clock.h"
#include "guardd/host/files.h"
#include "guardd/sources/fanotify_event.h"
#include "guardd/sources/fanotify_source.h"
#include "policy/base/text.h"

namespace guard {
namespace {

// One turn of the loop, and what is read at once: some hundred events.
constexpr auto kTurn = std::chrono::milliseconds(5);
constexpr std::size_t kBuffer = 16U << 10U;

// Of one tree. Beyond this, the whole tree is visited again.
constexpr std::size_t kMostNewNames = 20'000;

}  // namespace

// The queues with events take turns, one read each, until the time is over.
bool FanotifySource::dispatch(NoticeReader& reader) {
  const auto until = std::chrono::steady_clock::now() + kTurn;
  auto full = full_queues();
  std::size_t next = 0;
  while (!full.empty() && std::chrono::steady_clock::now() < until) {
    next %= full.size();
    if (read_queue(full[next], reader))
      ++next;
    else
      full.erase(full.begin() + static_cast<std::ptrdiff_t>(next));
  }
  const auto locked = lock();
  if (witness_) witness_->end_turn();
  has_steps_ = true;  // maybe: the descriptor does not tell
  return !full.empty();
}

// The first is another one each time.
std::vector<std::uint32_t> FanotifySource::full_queues() {
  const auto locked = lock();
  const auto now = file_time_now();
  std::array<epoll_event, 128> ready{};
  const int count = ::epoll_wait(ready_.get(), ready.data(), ready.size(), 0);
  std::vector<bool> is_full(queues_.size());
  for (int i = 0; i < count; ++i)
    if (const auto queue = ready[static_cast<std::size_t>(i)].data.u32; queue < queues_.size())
      is_full[queue] = true;
  std::vector<std::uint32_t> full;
  ++next_queue_;
  for (std::uint32_t i = 0; i < queues_.size(); ++i) {
    const auto queue = (next_queue_ + i) % static_cast<std::uint32_t>(queues_.size());
    if (is_full[queue])
      full.push_back(queue);
    else if (count >= 0 && witness_)
      witness_->found_none(queue, now);
  }
  return full;
}

// The lock is free between two reads, so that a question need not wait for the whole turn. Queues
// without trees are read as well: events of previous trees may be left in them.
bool FanotifySource::read_queue(std::uint32_t queue, NoticeReader& reader) {
  static thread_local std::array<char, kBuffer> buffer;
  const auto locked = lock();
  const auto before = file_time_now();
  if (witness_) witness_->before_read(queue, before);
  const auto length = ::read(queues_.group(queue), buffer.data(), buffer.size());
  if (length < 0 && errno == EINTR) return true;
  if (length <= 0) {
    if (witness_) witness_->found_none(queue, before);
    return false;
  }
  const auto events = handle_all(queue, {buffer.data(), static_cast<std::size_t>(length)}, reader);
  if (witness_) witness_->after_read(queue, events);
  return true;
}

std::size_t FanotifySource::handle_all(std::uint32_t queue, std::string_view events,
                                       NoticeReader& reader) {
  queue_ = queue;
  std::size_t count = 0;
  while (events.size() >= sizeof(fanotify_event_metadata)) {
    fanotify_event_metadata data{};
    std::memcpy(&data, events.data(), sizeof data);
    if (data.event_len < sizeof data || data.event_len > events.size()) break;
    ++count;
    if ((data.mask & FAN_Q_OVERFLOW) != 0) {
      if (witness_) witness_->lost(queue);
      lose(queue, reader);
    } else {
      handle(FanotifyEvent::parse(data, events.data(), queues_.subvolume(queue)), reader);
    }
    events.remove_prefix(data.event_len);
  }
  return count;
}

// Only the trees of this queue may have changed unseen.
void FanotifySource::lose(std::uint32_t queue, NoticeReader& reader) {
  const auto is_in_it = [&](const auto& each) { return each.second == queue; };
  for (const auto& [tree, place] : trees_)
    if (std::any_of(place.queues.begin(), place.queues.end(), is_in_it))
      reader.lost_sight(tree, "the kernel's queue of events overflowed");
}

// A mark that could not be removed is on a directory that is in no tree any longer, or in one of
// another queue. There, the events of this queue would come in another order.
WatchedDirectory* FanotifySource::watched(const FileId& id) const {
  auto* directory = directories_.find(id);
  return directory && directory->queue == queue_ ? directory : nullptr;
}

void FanotifySource::handle(const FanotifyEvent& event, NoticeReader& reader) {
  if ((event.mask & FAN_RENAME) != 0) return handle_rename(event, reader);
  auto* directory = watched(event.parent);
  if (!directory) return;
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
    enter(event, *directory, reader);
}

// guardd's own repairs are remembered where they are made.
void FanotifySource::note(const FanotifyEvent& event, WatchedDirectory& directory) const {
  if (!witness_ || is_ours(event.pid)) return;
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
  if (witness_ && !is_ours(event.pid)) witness_->changed(holder, directory.name, directory.id);
  reader.noticed({Notice::Kind::kAttributes, &holder, directory.name, directory.id, true, event.pid,
                  event.pid_check()});
}

// An exchange of two names is two renames.
void FanotifySource::handle_rename(const FanotifyEvent& event, NoticeReader& reader) {
  const bool is_directory = (event.mask & FAN_ONDIR) != 0;
  const auto place = [&](const FileId& parent, std::string_view name) -> WatchedDirectory* {
    auto* directory = watched(parent);
    return directory && is_directory && is_nested(*directory, name) ? nullptr : directory;
  };
  auto* from = place(event.old_parent, event.old_name);
  auto* to = place(event.parent, event.name);
  const bool is_within = from && to && from->home == to->home;
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
  if (from && !is_within && guards_names(from->tree())) {
    reader.noticed({Notice::Kind::kMovedOut, from, event.old_name, event.object, is_directory,
                    event.pid, event.pid_check()});
  }
  if (is_directory) handle_moved(event, from, to, reader);
}

// A directory that leaves its tree is forgotten, with all that is below it and all that is known of
// what it contains, even if it comes back. Two queues report a move from one to the other in any
// order: each only takes a directory from a tree of its own.
void FanotifySource::handle_moved(const FanotifyEvent& event, WatchedDirectory* from,
                                  WatchedDirectory* to, NoticeReader& reader) {
  auto* known = directories_.find(event.object);
  const auto is_of = [&](const WatchedDirectory* other) {
    return known && known->parent && known->parent->queue == queue_ && other &&
           known->home == other->home;
  };
  if (is_of(from) && is_of(to)) {
    if (!move_directory(*known, *to, event.name)) known = nullptr;
  } else if (is_of(from) || is_of(to)) {
    directories_.forget(*known);
    known = nullptr;
  }
  if (to && !is_of(to) && !is_covered(*to, event.name)) enter(event, *to, reader);
}

// During a visit, the directory can be moved from a part that was not visited yet to one that was.
// False: an event was lost, and it is forgotten.
bool FanotifySource::move_directory(WatchedDirectory& directory, WatchedDirectory& to,
                                    std::string_view name) {
  for (const auto* above = &to; above; above = above->parent) {
    if (above != &directory) continue;
    directories_.forget(directory);
    return false;
  }
  if (has_patterns(set_->policy_of(set_->trees()[to.tree()]))) directories_.renew_places(directory);
  WatchedDirectories::move(directory, to, std::string(name));
  auto& place = trees_.at(to.tree());
  if (!place.is_visiting) return true;
  if (place.new_names >= kMostNewNames) {
    place.visits_again = true;
    return true;
  }
  ++place.new_names;
  walks_->enter(place.watch, {to.id, WatchedDirectories::path_of(to), std::string(name),
                              directory.id, nullptr, false, place.visit});
  return true;
}

void FanotifySource::enter(const FanotifyEvent& event, const WatchedDirectory& parent,
                           NoticeReader& reader) {
  auto& place = trees_.at(parent.tree());
  if (place.new_names >= kMostNewNames)
    return reader.lost_sight(parent.tree(), "more directories came at once than guardd can queue");
  ++place.new_names;
  auto arrival = std::make_shared<Arrival>();
  if (event.pid != 0) {
    auto& found = arrival->found.emplace();
    found.kind = Notice::Kind::kFound;
    found.pid = event.pid;
    found.was_moved = (event.mask & FAN_CREATE) == 0;
    arrival->is_gone = event.is_gone;
    // Without a descriptor, it cannot be known whether the process is still the same.
    if (event.process) arrival->process = Fd(::fcntl(event.process.get(), F_DUPFD_CLOEXEC, 3));
    if (event.process && !arrival->process) arrival->is_gone = true;
  }
  const bool is_born = witness_ && (event.mask & FAN_CREATE) != 0 &&
                       witness_->is_born(parent, event.name, event.object);
  walks_->enter(place.watch, {parent.id, WatchedDirectories::path_of(parent),
                              std::string(event.name), event.object, std::move(arrival), is_born});
}

// The directory was moved. If it was moved to a watched directory, that one has reported it already
// and the name here is the new one.
void FanotifySource::verify(WatchedDirectory& directory, NoticeReader& reader) {
  const auto located = locate(directory);
  if (located) return;
  const auto code = located.error().code();
  if (code != ENOENT && code != ESTALE && code != ENOTDIR && code != ELOOP && code != EXDEV) {
    reader.lost_sight(directory.tree(), quote(WatchedDirectories::path_of(directory)) + ": " +
                                            located.error().text());
  }
  directories_.forget(directory);
}

}  // namespace guard
