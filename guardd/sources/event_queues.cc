#include "guardd/sources/event_queues.h"

#include <fcntl.h>
#include <sys/fanotify.h>

#include <cerrno>
#include <utility>

namespace guard {
namespace {

Result<Fd> open_group(unsigned report) {
  Fd group(
      ::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS | report,
                      O_RDONLY | O_CLOEXEC));
  if (!group) return Error::from_errno(errno, "fanotify");
  return group;
}

}  // namespace

Status mark_directory(int group, int directory, std::uint64_t mask) {
  constexpr unsigned kAdd = FAN_MARK_ADD | FAN_MARK_ONLYDIR;
  if (::fanotify_mark(group, kAdd, mask, directory, nullptr) == 0) return {};
  return Error::from_errno(errno, "mark");
}

Result<EventQueues> EventQueues::open(const Options& options) {
  EventQueues all;
  all.most_ = options.most;
  all.report_ = options.report | (options.with_pidfds ? FAN_REPORT_PIDFD : 0U);
  auto group = open_group(all.report_);
  if (!group && options.with_pidfds) group = open_group(all.report_ = options.report);
  if (!group) return std::move(group).error();
  all.queues_.emplace_back().group = *std::move(group);
  return all;
}

// Opened only when one is needed: root has 128 groups for all that watch this machine, and for
// guardd in containers, too.
std::optional<std::uint32_t> EventQueues::free_queue() {
  for (std::uint32_t i = kShared + 1; i < size(); ++i)
    if (queues_[i].trees == 0 && !*queues_[i].is_flushing) return i;
  if (size() >= most_ + kMostApart) return std::nullopt;
  auto group = open_group(report_);
  if (!group) return std::nullopt;
  queues_.emplace_back().group = *std::move(group);
  return size() - 1;
}

// Those of the policy. If it has none, and others have them all, the shared one.
std::vector<std::uint32_t> EventQueues::queues_of(const std::string& policy) const {
  std::vector<std::uint32_t> all;
  std::uint32_t owned = 1;  // the shared one
  for (std::uint32_t i = kShared + 1; i < size(); ++i) {
    const auto& queue = queues_[i];
    if (queue.trees > 0 && !queue.is_apart) ++owned;
    if (queue.trees > 0 && queue.policy == policy) all.push_back(i);
  }
  if (all.empty() && owned >= most_) all.push_back(kShared);
  return all;
}

Status EventQueues::mark_in(std::uint32_t number, const FileId& id, int directory,
                            std::uint64_t mask) {
  GUARD_CHECK(mark_directory(group(number), directory, mask));
  // Without subvolumes of its own, a queue is for the top one of each file system.
  if (const auto subvolume = id.subvolume()) queues_[number].subvolume = *subvolume;
  return {};
}

// Only the kernel knows what it can watch with one queue, so this tries one after the other.
Result<std::uint32_t> EventQueues::mark(const std::string& policy, const FileId& id, int directory,
                                        std::uint64_t mask) {
  const auto known = queues_of(policy);
  for (const auto number : known) {
    const auto done = mark_in(number, id, directory, mask);
    if (done) return number;
    if (done.error().code() != EXDEV) return done.error();
  }
  const auto free = free_queue();
  const auto number = free.value_or(kShared);
  const auto done = mark_in(number, id, directory, mask);
  if (done && free) {
    queues_[number].policy = policy;
    queues_[number].is_apart = !known.empty();
  }
  if (done) return number;
  if (done.error().code() != EXDEV) return done.error();
  if (free) return Error("fanotify of this kernel cannot watch subvolumes of btrfs; Linux 6.8 can");
  return Error("fanotify watches each subvolume of btrfs apart, and guardd has only " +
               std::to_string(kMostApart) + " queues for them");
}

std::function<void()> EventQueues::release(std::uint32_t number) {
  auto& queue = queues_[number];
  --queue.trees;
  if (queue.trees > 0 || number == kShared) return {};
  *queue.is_flushing = true;
  return [group = queue.group.get(), is_flushing = queue.is_flushing] {
    (void)::fanotify_mark(group, FAN_MARK_FLUSH, 0, AT_FDCWD, "/");
    *is_flushing = false;
  };
}

}  // namespace guard
