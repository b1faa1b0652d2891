// A helper process, seen from guardd: the channel to it, and its end. The process ends with this
// object, and with the thread that started it. One thread.
#pragma once

#include <sys/types.h>

#include <utility>

#include "guardd/helpers/role.h"
#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

class HelperProcess {
 public:
  // A child of this process.
  HelperProcess(Fd socket, pid_t pid, Fd pidfd)
      : socket_(std::move(socket)), pidfd_(std::move(pidfd)), pid_(pid) {}
  ~HelperProcess();
  HelperProcess(HelperProcess&& other) noexcept
      : socket_(std::move(other.socket_)),
        pidfd_(std::move(other.pidfd_)),
        pid_(std::exchange(other.pid_, 0)) {}
  HelperProcess& operator=(HelperProcess&&) = delete;
  HelperProcess(const HelperProcess&) = delete;
  HelperProcess& operator=(const HelperProcess&) = delete;

  // Whether a process is one of guardd's helpers. Any thread.
  static bool is_one(pid_t process);

  // Starts this program again, as the role says.
  static Result<HelperProcess> start(const HelperRole& role);

  int socket() const { return socket_.get(); }
  int pidfd() const { return pidfd_.get(); }  // readable once the process has ended
  pid_t pid() const { return pid_; }

  // It ends as soon as the kernel lets it go, which can be never: see reap().
  void kill();
  // Collects the process if it has ended. Never waits.
  bool reap();

 private:
  Fd socket_;
  Fd pidfd_;
  pid_t pid_;  // 0: it was collected, and the number may be another's
};

}  // namespace guard
