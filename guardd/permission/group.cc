#include "guardd/permission/group.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "guardd/host/mount_table.h"
#include "guardd/host/superblock.h"
#include "policy/base/text.h"

// In the kernel since 6.0, but not in the libc headers of Debian 12.
#ifndef FAN_MARK_IGNORE
#define FAN_MARK_IGNORE 0x00000400
#endif
#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE 0x00000200
#endif

namespace guard {
namespace {

// File systems that wait for nothing but the disks of this machine.
constexpr std::uint64_t kOpens = FAN_OPEN_PERM | FAN_EVENT_ON_CHILD;

// For close_all() alone: a signal handler can read nothing else. Each is the descriptor plus one; 0
// is free.
constexpr std::size_t kMostGroups = 256;
std::array<std::atomic<int>, kMostGroups> open_groups;
std::atomic<int> dev_null = -1;  // takes a group's place

bool replace(int before, int after) {
  return std::any_of(open_groups.begin(), open_groups.end(), [=](std::atomic<int>& each) {
    int expected = before;
    return each.compare_exchange_strong(expected, after);
  });
}

}  // namespace

Result<std::shared_ptr<PermissionGroup>> PermissionGroup::create(
    std::shared_ptr<const PolicySet> set, std::uint32_t policy,
    std::shared_ptr<AnswerCounters> counters) {
  // O_RDONLY: the kernel denies any other open of a program that is being executed, and would deny
  // the execution with it.
  Fd fd(::fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE |
                            FAN_UNLIMITED_MARKS | FAN_REPORT_TID,
                        O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NOATIME));
  if (!fd && errno == EMFILE)
    return Error(
        "root has used up its fanotify groups: raise the sysctl fs.fanotify.max_user_groups");
  if (!fd) return Error::from_errno(errno, "open a group for permission events");
  if (dev_null < 0) dev_null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (!replace(0, fd.get() + 1))
    return Error("too many policies need permission events: guardd supports " +
                 std::to_string(kMostGroups));
  return std::shared_ptr<PermissionGroup>(
      new PermissionGroup(std::move(fd), std::move(set), policy, std::move(counters)));
}

PermissionGroup::PermissionGroup(Fd fd, std::shared_ptr<const PolicySet> set, std::uint32_t policy,
                                 std::shared_ptr<AnswerCounters> counters)
    : fd_(std::move(fd)), set_(std::move(set)), policy_(policy), counters_(std::move(counters)) {}

PermissionGroup::~PermissionGroup() {
  (void)replace(fd_.get() + 1, 0);
}

void PermissionGroup::mark(int directory, const std::string& root) {
  const std::lock_guard lock(mutex_);
  if (const auto type = type_that_can_hang(directory)) {
    unmarked_[root] = "opens in " + quote(root) +
                      " are not denied, and files are not fixed before their opens return: a file "
                      "system of this type may never answer: " +
                      (type->empty() ? "unknown" : *type);
    return;
  }
  if (::fanotify_mark(fd_.get(), FAN_MARK_ADD | FAN_MARK_ONLYDIR, kOpens, directory, nullptr) == 0)
    return;
  unmarked_[root] = "some opens in " + quote(root) +
                    " are not denied, and some files are not fixed before their opens return: " +
                    Error::from_errno(errno, "mark a directory for permission events").text();
}

// To tell guardd of an open, the kernel opens the file for guardd: on a file system of another
// process or machine that can take for ever, and no other open would be answered meanwhile.
std::optional<std::string> PermissionGroup::type_that_can_hang(int directory) {
  struct statx known {};
  constexpr int kHow = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  if (::statx(directory, "", kHow, STATX_MNT_ID, &known) != 0) return std::nullopt;
  if ((known.stx_mask & STATX_MNT_ID) != 0) {
    const std::lock_guard lock(mounts_mutex_);
    mounts_.insert(known.stx_mnt_id);
  }
  const auto device = ::gnu_dev_makedev(known.stx_dev_major, known.stx_dev_minor);
  auto at = file_systems_.find(device);
  if (at == file_systems_.end())
    at = file_systems_.emplace(device, file_system_of(directory)).first;
  const auto& type = at->second;
  if (is_local(type)) return std::nullopt;
  return type;
}

std::vector<std::string> PermissionGroup::unmarked() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  for (const auto& [root, why] : unmarked_) all.push_back(why);
  return all;
}

void PermissionGroup::forget_unmarked() {
  const std::lock_guard lock(mutex_);
  unmarked_.clear();
  file_systems_.clear();  // numbers of devices are used again
}

bool PermissionGroup::is_on(std::uint64_t mount) const {
  const std::lock_guard lock(mounts_mutex_);
  return mounts_.contains(mount);
}

void PermissionGroup::unmark(int directory) const {
  (void)::fanotify_mark(fd_.get(), FAN_MARK_REMOVE | FAN_MARK_ONLYDIR, kOpens, directory, nullptr);
}

// Evictable, or each mark would keep its inode in memory. Before Linux 6.0 every open still waits.
void PermissionGroup::ignore(int file) {
  if (cannot_ignore_) return;
  constexpr unsigned kHow =
      FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_IGNORED_SURV_MODIFY | FAN_MARK_EVICTABLE;
  if (::fanotify_mark(fd_.get(), kHow, FAN_OPEN_PERM, file, nullptr) != 0 && errno == EINVAL)
    cannot_ignore_ = true;
}

void PermissionGroup::release_all() const {
  (void)::fanotify_mark(fd_.get(), FAN_MARK_FLUSH, 0, AT_FDCWD, "/");
}

std::size_t PermissionGroup::read(std::span<Request> requests) const {
  std::array<char, kMostAtOnce * FAN_EVENT_METADATA_LEN> buffer{};
  const auto room = std::min(requests.size(), kMostAtOnce) * FAN_EVENT_METADATA_LEN;
  const auto length = ::read(fd_.get(), buffer.data(), room);
  if (length < 0) {
    // EMFILE and the like: the kernel has denied that open itself.
    if (errno != EAGAIN && errno != EINTR) ++counters_->failed;
    return 0;
  }
  std::size_t count = 0;
  for (std::size_t at = 0; at + FAN_EVENT_METADATA_LEN <= static_cast<std::size_t>(length);) {
    fanotify_event_metadata event{};
    std::memcpy(&event, buffer.data() + at, sizeof event);
    if (event.event_len < sizeof event) break;
    at += event.event_len;
    if (event.fd < 0) continue;  // an overflow: the kernel has allowed those opens
    requests[count++] = {Fd(event.fd), event.pid};
    ++counters_->events;
  }
  return count;
}

void PermissionGroup::respond(int file, bool allow) noexcept {
  const fanotify_response response{
      file, allow ? static_cast<std::uint32_t>(FAN_ALLOW) : static_cast<std::uint32_t>(FAN_DENY)};
  ++counters_->answers;
  if (!allow) ++counters_->denied;
  while (::write(fd_.get(), &response, sizeof response) < 0) {
    if (errno == EINTR) continue;
    if (errno != ENOENT) ++counters_->failed;  // ENOENT: the opener has been killed
    return;
  }
}

void PermissionGroup::close_all() noexcept {
  // Replaced rather than closed: a thread that still answers must not write into another file.
  for (auto& each : open_groups) {
    const int fd = each.exchange(0) - 1;
    if (fd >= 0 && (dev_null < 0 || ::dup3(dev_null, fd, O_CLOEXEC) < 0)) (void)::close(fd);
  }
}

}  // namespace guard
