// One open that waits for an answer. Answered exactly once: by the reader, by the watchdog if that
// takes too long, or else by the destructor. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "guardd/permission/group.h"
#include "policy/base/handle.h"

namespace guard {

class PermissionEvent {
 public:
  PermissionEvent(std::shared_ptr<PermissionGroup> group, Fd file, std::int32_t thread)
      : group_(std::move(group)), file_(std::move(file)), thread_(thread) {}
  // Fails open: a forgotten event must neither block the opener nor deny by accident.
  ~PermissionEvent() { (void)answer(true); }
  PermissionEvent(const PermissionEvent&) = delete;
  PermissionEvent& operator=(const PermissionEvent&) = delete;

  // False: it has been answered already.
  bool answer(bool allow) noexcept {
    if (answered_.exchange(true)) return false;
    group_->respond(file_.get(), allow);
    return true;
  }
  bool is_answered() const { return answered_.load(); }

  const PermissionGroup& group() const { return *group_; }
  PermissionGroup& group() { return *group_; }
  int file() const { return file_.get(); }         // the opened file, for reading; causes no event
  std::int32_t thread() const { return thread_; }  // the opener's; 0: in another pid namespace

 private:
  std::shared_ptr<PermissionGroup> group_;
  Fd file_;
  std::int32_t thread_;
  std::atomic<bool> answered_ = false;
};

}  // namespace guard
