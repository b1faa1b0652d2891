#include "guardd/answer/aftermath.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "guardd/object.h"

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

// By the name that it was made with, if that still means it, and it is as empty as it was made.
Status remove(const Policy& policy, const std::string& tree, const std::string& path, int file) {
  const auto slash = path.rfind('/');
  const auto name = slash == std::string::npos ? path : path.substr(slash + 1);
  GUARD_TRY(const auto root, open_tree(tree));
  GUARD_TRY(const auto directory,
            open_object(root, slash == std::string::npos ? std::string() : path.substr(0, slash)));
  const ActingAs owner(policy.wanted.owner.id);
  struct stat made {};
  struct stat there {};
  if (::fstat(file, &made) != 0) return Error::from_errno(errno, "look at it");
  if (::fstatat(directory.fd.get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::from_errno(errno, "find it");
  if (made.st_dev != there.st_dev || made.st_ino != there.st_ino || there.st_size != 0 ||
      there.st_nlink != 1)
    return Error("it was changed meanwhile");
  if (::unlinkat(directory.fd.get(), name.c_str(), 0) != 0)
    return Error::from_errno(errno, "take it away");
  return {};
}

}  // namespace

Aftermath::Aftermath() : thread_([this](const std::stop_token& stop) { run(stop); }) {}

Aftermath::~Aftermath() {
  thread_.request_stop();
  changed_.notify_all();
}

bool Aftermath::offer(AfterAnswer after) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= kMost) return false;
  if (after.remove) leaving_.insert(key_of(after.violation.object));
  waiting_.push_back(std::move(after));
  changed_.notify_one();
  return true;
}

bool Aftermath::is_leaving(const InodeId& file) const {
  const std::lock_guard lock(mutex_);
  return !leaving_.empty() && leaving_.contains(key_of(file));
}

void Aftermath::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    auto after = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    auto& group = after.event->group();
    const auto& set = group.set();
    if (after.ignore) group.ignore(after.event->file());
    if (after.remove) {
      const auto removed = after.at.is_known
                               ? remove(group.policy(), set->trees()[after.at.tree].root(),
                                        after.at.path, after.event->file())
                               : Status(Error("its place in the tree is not known"));
      if (!removed)
        after.violation.reason =
            "it was refused, but the empty file that it made is left for the owner: " +
            removed.error().text();
    }
    lock.lock();
    if (after.remove) leaving_.erase(key_of(after.violation.object));
    lock.unlock();
    if (after.tell) {
      if (after.who) {
        const auto thread = after.violation.actor.tid;
        after.violation.actor = after.who->actor();
        after.violation.actor.tid = thread;
      }
      (void)told_.put({set, std::move(after.at), std::move(after.violation)}, stop);
    }
    after = {};  // closes what was opened
    lock.lock();
  }
}

}  // namespace guard
