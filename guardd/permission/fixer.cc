#include "guardd/permission/fixer.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "guardd/host/own_descriptors.h"

namespace guard {
namespace {

bool is_still_new(int file, const Violation& made) {
  struct stat facts {};
  return ::fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size == 0 &&
         facts.st_nlink <= 1 && Uid{facts.st_uid} == made.before->uid;
}

}  // namespace

void PermissionFixer::start() {
  for (unsigned i = 0; i < kThreads; ++i)
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
}

bool PermissionFixer::offer(OpenFix fix) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= kMost) return false;
  waiting_.push_back(std::move(fix));
  changed_.notify_one();
  return true;
}

std::vector<OpenFix> PermissionFixer::take() {
  has_done_ = false;
  return done_.take();
}

// The opener has just made the file, so it is empty and has at most one name; checked again,
// because what showed that it is new may have been forged, or have changed. A frozen file system
// can hold this up; the watchdog then answers. The thread has its own descriptors: it borrows the
// file's, and leaves it to the reader to close the event.
void PermissionFixer::run(const std::stop_token& stop) {
  const bool is_alone = unshare_descriptors({done_.fd()});
  const Fd self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    auto fix = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const auto& task = fix.task;
    if (!task.event->is_answered()) {
      const int known = task.event->file();
      const Fd borrowed(
          is_alone ? static_cast<int>(::syscall(SYS_pidfd_getfd, self.get(), known, 0)) : -1);
      const int file = is_alone ? borrowed.get() : known;
      const auto mode = task.violation.before->mode.value & ~fix.mode_excess;
      fix.is_fixed = is_still_new(file, task.violation) &&
                     (fix.mode_excess == 0 || ::fchmod(file, mode) == 0) &&
                     ::fchown(file, fix.wanted.owner.id.value, fix.wanted.group.id.value) == 0;
    }
    (void)done_.put(std::move(fix), stop);
    has_done_ = true;
    lock.lock();
  }
}

}  // namespace guard
