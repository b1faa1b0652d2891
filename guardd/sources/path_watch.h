// Notices when the path of a tree may lead to another directory: it was created, replaced, moved
// away or mounted over. Watches the directories above the trees and calls back; looks at no tree
// itself. One thread: the daemon's loop.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <systemd/sd-event.h>

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

class PathWatch {
 public:
  // `changed` is called from the loop, soon after something above a tree changed.
  PathWatch(sd_event* loop, std::function<void()> changed)
      : loop_(loop), changed_(std::move(changed)) {}
  PathWatch(const PathWatch&) = delete;
  PathWatch& operator=(const PathWatch&) = delete;

  Status watch_mounts();
  // Watches every directory above these paths that exists now. Call it before looking at the paths.
  void watch_above(const std::vector<std::string>& paths);

 private:
  using Source = Handle<sd_event_source, sd_event_source_disable_unref>;

  static int on_inotify(sd_event_source* source, const inotify_event* event, void* self) noexcept;
  static int on_mounts(sd_event_source* source, int fd, std::uint32_t events, void* self) noexcept;
  static int on_timer(sd_event_source* source, std::uint64_t time, void* self) noexcept;
  void call_soon() noexcept;

  sd_event* loop_;
  std::function<void()> changed_;
  std::vector<Source> above_;
  Fd mounts_;
  Source mounts_source_;
  Source timer_;
};

}  // namespace guard
