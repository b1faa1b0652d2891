#include "guardd/sources/path_watch.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <set>

#include "guardd/host/mount_table.h"

namespace guard {
namespace {

constexpr std::uint32_t kAbove = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW;

// If a directory above a tree is busy (/tmp, for example), call back at most this often.
constexpr std::uint64_t kDelayUs = 20'000;

}  // namespace

Status PathWatch::watch_mounts() {
  mounts_ = Fd(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!mounts_) return Error::from_errno(errno, "/proc/self/mountinfo");
  sd_event_source* source = nullptr;
  const int code = sd_event_add_io(loop_, &source, mounts_.get(), EPOLLPRI, on_mounts, this);
  if (code < 0) return Error::from_errno(-code, "watch mounts");
  mounts_source_.reset(source);
  return {};
}

void PathWatch::watch_above(const std::vector<std::string>& paths) {
  std::set<std::string> directories;
  for (const auto& path : paths) {
    for (auto slash = path.rfind('/'); slash != std::string::npos;
         slash = slash == 0 ? std::string::npos : path.rfind('/', slash - 1))
      directories.insert(slash == 0 ? "/" : path.substr(0, slash));
  }
  std::vector<Source> fresh;
  const auto mounts = current_mounts();
  for (const auto& directory : directories) {
    if (type_that_can_hang(mounts, directory)) continue;  // even this look could wait for ever
    sd_event_source* source = nullptr;
    // If it does not exist, the directory above it reports its creation.
    if (sd_event_add_inotify(loop_, &source, directory.c_str(), kAbove, on_inotify, this) >= 0)
      fresh.emplace_back(source);
  }
  above_ = std::move(fresh);  // the old watches end after the new ones start: no event is missed
}

void PathWatch::call_soon() noexcept {
  if (timer_) return;
  sd_event_source* source = nullptr;
  if (sd_event_add_time_relative(loop_, &source, CLOCK_MONOTONIC, kDelayUs, 1000, on_timer, this) >=
      0) {
    timer_.reset(source);
  } else {
    changed_();
  }
}

int PathWatch::on_inotify(sd_event_source* /*source*/, const inotify_event* /*event*/,
                          void* self) noexcept {
  static_cast<PathWatch*>(self)->call_soon();
  return 0;
}

int PathWatch::on_mounts(sd_event_source* /*source*/, int /*fd*/, std::uint32_t /*events*/,
                         void* self) noexcept {
  static_cast<PathWatch*>(self)->call_soon();
  return 0;
}

int PathWatch::on_timer(sd_event_source* /*source*/, std::uint64_t /*time*/, void* self) noexcept {
  auto& path_watch = *static_cast<PathWatch*>(self);
  path_watch.timer_.reset();
  path_watch.changed_();
  return 0;
}

}  // namespace guard
