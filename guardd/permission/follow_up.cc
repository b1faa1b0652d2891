#include "guardd/permission/follow_up.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "guardd/files/object.h"
#include "guardd/host/own_descriptors.h"

namespace guard {
namespace {

std::pair<std::uint64_t, std::uint64_t> key_of(const InodeId& id) {
  return {id.device, id.inode};
}

// This thread acts as the owner of the tree: it can do nothing in it that the owner could not.
class ActingAs {
 public:
  explicit ActingAs(Uid user) : before_(::setfsuid(user.value)) {}
  ~ActingAs() { (void)::setfsuid(static_cast<uid_t>(before_)); }
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;

 private:
  int before_;
};

// By the name that it was made with, if that still means it, and it is as empty as it was made. Its
// event holds it, so that nothing else has its number.
Status remove(const Policy& policy, const std::string& tree, const std::string& path,
              const InodeId& id) {
  const auto slash = path.rfind('/');
  const auto name = slash == std::string::npos ? path : path.substr(slash + 1);
  GUARD_TRY(const auto root, open_tree(tree));
  GUARD_TRY(const auto directory,
            open_object(root, slash == std::string::npos ? std::string() : path.substr(0, slash)));
  const ActingAs owner(policy.wanted.owner.id);
  struct stat there {};
  if (::fstatat(directory.fd.get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::from_errno(errno, "find it");
  if (id.device != there.st_dev || id.inode != there.st_ino || there.st_size != 0 ||
      there.st_nlink != 1)
    return Error("it was changed meanwhile");
  if (::unlinkat(directory.fd.get(), name.c_str(), 0) != 0)
    return Error::from_errno(errno, "take it away");
  return {};
}

}  // namespace

FollowUp::FollowUp()
    : remover_([this](const std::stop_token& stop) { take_away(stop); }),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

FollowUp::~FollowUp() {
  thread_.request_stop();
  remover_.request_stop();
  changed_.notify_all();
  removal_changed_.notify_all();
}

bool FollowUp::offer(AfterAnswer after) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() + to_remove_.size() >= kMost) return false;
  if (after.remove) leaving_.insert(key_of(after.violation.object));
  waiting_.push_back(std::move(after));
  changed_.notify_one();
  return true;
}

bool FollowUp::is_leaving(const InodeId& file) const {
  const std::lock_guard lock(mutex_);
  return !leaving_.empty() && leaving_.contains(key_of(file));
}

void FollowUp::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    auto after = std::move(waiting_.front());
    waiting_.pop_front();
    if (after.remove) {
      to_remove_.push_back(std::move(after));
      removal_changed_.notify_one();
      continue;
    }
    lock.unlock();
    if (after.ignore) after.event->group().ignore(after.event->file());
    if (after.tell) tell(std::move(after), stop);
    after = {};  // closes what was opened
    lock.lock();
  }
}

void FollowUp::tell(AfterAnswer after, const std::stop_token& stop) {
  if (after.who) {
    const auto thread = after.violation.actor.tid;
    after.violation.actor = after.who->actor();
    after.violation.actor.tid = thread;
  }
  (void)told_.put({after.event->group().set(), std::move(after.at), std::move(after.violation)},
                  stop);
}

// With descriptors of its own: it hands the event back to be closed by the other.
void FollowUp::take_away(const std::stop_token& stop) {
  (void)unshare_descriptors(told_.fd());
  std::unique_lock lock(mutex_);
  while (removal_changed_.wait(lock, stop, [this] { return !to_remove_.empty(); })) {
    auto after = std::move(to_remove_.front());
    to_remove_.pop_front();
    lock.unlock();
    const auto& group = after.event->group();
    const auto removed = after.at.is_known
                             ? remove(group.policy(), group.set()->trees()[after.at.tree].root(),
                                      after.at.path, after.violation.object)
                             : Status(Error("its place in the tree is not known"));
    if (!removed)
      after.violation.reason =
          "it was refused, but the empty file that it made is left for the owner: " +
          removed.error().text();
    lock.lock();
    leaving_.erase(key_of(after.violation.object));
    after.remove = false;
    waiting_.push_back(std::move(after));
    changed_.notify_one();
  }
}

}  // namespace guard
