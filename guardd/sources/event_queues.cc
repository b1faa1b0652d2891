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
  unsigned pidfds = options.with_pidfds ? FAN_REPORT_PIDFD : 0U;
  auto group = open_group(options.report | pidfds);
  if (!group && pidfds != 0) group = open_group(options.report | (pidfds = 0));
  if (!group) return std::move(group).error();
  EventQueues all;
  all.most_ = options.most;
  for (; group; group = open_group(options.report | pidfds)) {
    all.queues_.emplace_back().group = *std::move(group);
    if (all.queues_.size() >= options.most + kMostApart) break;
  }
  return all;
}

// In the order of preference.
std::vector<EventQueues::Candidate> EventQueues::candidates(const std::string& policy) const {
  std::vector<Candidate> all;
  std::optional<std::uint32_t> free;
  std::uint32_t owned = 1;  // the shared one
  for (std::uint32_t i = kShared + 1; i < size(); ++i) {
    const auto& queue = queues_[i];
    if (queue.trees > 0 && !queue.is_apart) ++owned;
    if (queue.trees > 0 && queue.policy == policy) all.push_back({i});
    if (!free && queue.trees == 0 && !*queue.is_flushing) free = i;
  }
  if (all.empty() && free && owned < most_)
    all.push_back({*free, true});
  else if (all.empty())
    all.push_back({kShared});
  if (free) all.push_back({*free, true, true});
  all.push_back({kShared});
  return all;
}

// Only the kernel knows what it can watch with one queue, so this tries one after the other.
Result<std::uint32_t> EventQueues::mark(const std::string& policy, const FileId& id, int directory,
                                        std::uint64_t mask) {
  for (const auto& [number, is_free, is_apart] : candidates(policy)) {
    const auto done = mark_directory(group(number), directory, mask);
    if (done) {
      auto& queue = queues_[number];
      // Without subvolumes of its own, a queue is for the top one of each file system.
      if (const auto subvolume = id.subvolume()) queue.subvolume = *subvolume;
      if (!is_free) return number;
      queue.policy = policy;
      queue.is_apart = is_apart;
      return number;
    }
    if (done.error().code() != EXDEV) return done.error();
    if (is_free)
      return Error("fanotify of this kernel cannot watch subvolumes of btrfs; Linux 6.8 can");
  }
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
