#include "guardd/permission/follow_up.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "guardd/files/object.h"
#include "guardd/host/own_descriptors.h"

namespace guard {
namespace {

std::pair<std::uint64_t, std::uint64_t> key_of(const InodeId& id) {
  return {id.device, id.inode};
}

// Limits this thread's file access to what the owner of the tree may do. glibc's calls would change
// all threads.
class ActingAs {
 public:
  explicit ActingAs(const WantedState& owner) {
    std::vector<gid_t> groups;
    for (const auto group : owner.owner_groups) groups.push_back(group.value);
    const auto first = groups.empty() ? owner.group.id.value : groups.front();
    is_limited_ = ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
    (void)::setfsgid(first);
    (void)::setfsuid(owner.owner.id.value);
  }
  ~ActingAs() {
    (void)::setfsuid(0);
    (void)::setfsgid(0);
    (void)::syscall(SYS_setgroups, 0, nullptr);
  }
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;
  explicit operator bool() const { return is_limited_; }

 private:
  bool is_limited_ = false;
};

// Removes the file by the name it was made with, if the name still means it and it is still empty.
// The event holds the file open, so no other file can have its inode number.
Status remove(const Policy& policy, const std::string& tree, const std::string& path,
              const InodeId& id) {
  const auto slash = path.rfind('/');
  const auto name = slash == std::string::npos ? path : path.substr(slash + 1);
  GUARD_TRY(const auto root, open_tree(tree));
  GUARD_TRY(const auto directory,
            open_object(root, slash == std::string::npos ? std::string() : path.substr(0, slash)));
  const ActingAs owner(policy.wanted);
  if (!owner) return Error("guardd cannot act as the owner");
  struct stat there {};
  if (::fstatat(directory.fd.get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::from_errno(errno, "find the file");
  if (id.device != there.st_dev || id.inode != there.st_ino || there.st_size != 0 ||
      there.st_nlink != 1)
    return Error("the file has changed");
  if (::unlinkat(directory.fd.get(), name.c_str(), 0) != 0)
    return Error::from_errno(errno, "remove the file");
  return {};
}

}  // namespace

FollowUp::FollowUp()
    : remover_([this](const std::stop_token& stop) { remove_files(stop); }),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

FollowUp::~FollowUp() {
  thread_.request_stop();
  remover_.request_stop();
  changed_.notify_all();
  removal_changed_.notify_all();
}

bool FollowUp::offer(FollowUpTask task) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() + to_remove_.size() >= kMost) return false;
  if (task.remove) being_removed_.insert(key_of(task.violation.object));
  waiting_.push_back(std::move(task));
  changed_.notify_one();
  return true;
}

bool FollowUp::is_being_removed(const InodeId& file) const {
  const std::lock_guard lock(mutex_);
  return !being_removed_.empty() && being_removed_.contains(key_of(file));
}

void FollowUp::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    auto task = std::move(waiting_.front());
    waiting_.pop_front();
    if (task.remove) {
      to_remove_.push_back(std::move(task));
      removal_changed_.notify_one();
      continue;
    }
    lock.unlock();
    if (task.ignore) task.event->group().ignore(task.event->file());
    if (task.report) report(std::move(task), stop);
    task = {};  // closes the file
    lock.lock();
  }
}

void FollowUp::report(FollowUpTask task, const std::stop_token& stop) {
  if (task.process) {
    const auto thread = task.violation.actor->tid;
    task.violation.actor = task.process->shared_actor();
    task.violation.actor.set_thread(thread);
  }
  (void)reports_.put({task.event->group().set(), std::move(task.place), std::move(task.violation)},
                     stop);
}

// This thread has its own descriptors, so the other thread closes the event.
void FollowUp::remove_files(const std::stop_token& stop) {
  (void)unshare_descriptors({reports_.fd()});
  std::unique_lock lock(mutex_);
  while (removal_changed_.wait(lock, stop, [this] { return !to_remove_.empty(); })) {
    auto task = std::move(to_remove_.front());
    to_remove_.pop_front();
    lock.unlock();
    const auto& group = task.event->group();
    const auto removed = task.place.is_known
                             ? remove(group.policy(), group.set()->trees()[task.place.tree].root(),
                                      task.place.path, task.violation.object)
                             : Status(Error("its place in the tree is not known"));
    if (!removed)
      task.violation.reason =
          "the open was denied, but the empty file that it made is still there: " +
          removed.error().text();
    lock.lock();
    being_removed_.erase(key_of(task.violation.object));
    task.remove = false;
    waiting_.push_back(std::move(task));
    changed_.notify_one();
  }
}

}  // namespace guard
