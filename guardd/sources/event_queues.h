// The kernel's queues of fanotify events. The trees of a policy share one, so that what happens in
// them costs other policies no events. A subvolume of btrfs needs one of its own: the kernel
// watches nothing else with the same queue. Policies that get none share the first queue. One
// thread: the daemon's loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "guardd/files/file_id.h"
#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

class EventQueues {
 public:
  static constexpr std::uint32_t kShared = 0;
  // More than there are policies, for subvolumes.
  static constexpr std::uint32_t kMostApart = 16;

  struct Options {
    unsigned report = 0;       // FAN_REPORT_…
    bool with_pidfds = false;  // if the kernel has them
    std::uint32_t most = 1;    // besides those of subvolumes
  };
  static Result<EventQueues> open(const Options& options);

  std::uint32_t size() const { return static_cast<std::uint32_t>(queues_.size()); }
  int group(std::uint32_t queue) const { return queues_[queue].group.get(); }
  bool is_shared(std::uint32_t queue) const { return queue == kShared || queues_[queue].trees > 1; }

  // Marks a directory in a queue that is the policy's, or becomes that, and says which. It may be
  // a new one. If root has used up its groups, the policy shares one.
  Result<std::uint32_t> mark(const std::string& policy, const FileId& id, int directory,
                             std::uint64_t mask);
  // Of btrfs: what the file system id in its events is of.
  std::uint64_t subvolume(std::uint32_t queue) const { return queues_[queue].subvolume; }
  // A tree has marks in this queue.
  void use(std::uint32_t queue) { ++queues_[queue].trees; }
  // It has none any longer. What is returned removes the marks that are left, on any thread; the
  // queue is free once that is done.
  std::function<void()> release(std::uint32_t queue);

 private:
  struct Queue {
    Fd group;
    std::string policy;     // whose it is
    bool is_apart = false;  // the policy has another one
    std::uint64_t subvolume = 0;
    unsigned trees = 0;
    std::shared_ptr<std::atomic<bool>> is_flushing = std::make_shared<std::atomic<bool>>(false);
  };

  std::vector<std::uint32_t> queues_of(const std::string& policy) const;
  std::optional<std::uint32_t> free_queue();
  Status mark_in(std::uint32_t number, const FileId& id, int directory, std::uint64_t mask);

  std::vector<Queue> queues_;
  std::uint32_t most_ = 1;
  unsigned report_ = 0;
};

// In a group of the kernel.
Status mark_directory(int group, int directory, std::uint64_t mask);

}  // namespace guard
