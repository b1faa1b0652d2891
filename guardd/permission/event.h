// One open that waits for us. Answered exactly once, by whoever comes first: the reader, a fixer,
// the monitor when it has waited too long; if by nobody, then by its destructor. Any thread.
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
  // Fails towards letting pass: whoever forgot it must not hold anybody up, nor refuse by accident.
  ~PermissionEvent() { (void)answer(true); }
  PermissionEvent(const PermissionEvent&) = delete;
  PermissionEvent& operator=(const PermissionEvent&) = delete;

  // False: it was answered already.
  bool answer(bool allow) noexcept {
    if (answered_.exchange(true)) return false;
    group_->respond(file_.get(), allow);
    return true;
  }
  bool is_answered() const { return answered_.load(); }

  const PermissionGroup& group() const { return *group_; }
  PermissionGroup& group() { return *group_; }
  int file() const { return file_.get(); }         // what is opened, for reading; makes no event
  std::int32_t thread() const { return thread_; }  // who opens it; 0: of another namespace

 private:
  std::shared_ptr<PermissionGroup> group_;
  Fd file_;
  std::int32_t thread_;
  std::atomic<bool> answered_ = false;
};

}  // namespace guard
