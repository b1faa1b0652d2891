#include "guardd/who/container_accounts.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <utility>
#include <vector>

#include "guardd/host/id_map.h"
#include "guardd/host/open_resolved.h"
#include "guardd/host/read_up_to.h"
#include "guardd/host/users.h"
#include "guardd/who/container.h"
#include "guardd/who/container_files.h"
#include "guardd/who/proc.h"
#include "policy/base/handle.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr std::size_t kMostOfFile = std::size_t{256} << 10U;
constexpr int kMostTried = 4;
constexpr std::size_t kMostGroupsRead = 64;

// No more than kMostOfFile of it.
std::string contents_of(const Fd& fd) {
  std::string text;
  if (fd) (void)read_up_to(kMostOfFile, fd.get(), text);
  return text;
}

std::string text_at(const Fd& directory, const char* name) {
  return contents_of(Fd(::openat(directory.get(), name, O_RDONLY | O_CLOEXEC | O_NOCTTY)));
}

// The processes of a container, from the top of its control groups down: systemd in it divides its
// group, and then the group itself has no process. Those of a container in it do not belong to it.
class ProcessesOf {
 public:
  ProcessesOf(std::string_view container, const std::string& root) : container_(container) {
    // The hierarchies of which the group can be: see parse_cgroup().
    for (const auto& each : {cgroup_hierarchy(root), root + "/sys/fs/cgroup/systemd"}) {
      top_ = each;
      if (::access((top_ + container_ + "/cgroup.procs").c_str(), F_OK) != 0) continue;
      groups_.push_back(container_);
      return;
    }
  }

  std::optional<std::int32_t> next() {
    for (std::int32_t pid = 0;;) {
      if (pids_ >> pid) return pid;
      if (at_ == groups_.size()) return std::nullopt;
      const auto group = groups_[at_++];
      add_groups_below(group);
      const auto file = top_ + group + "/cgroup.procs";
      pids_ = std::istringstream(contents_of(Fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC))));
    }
  }

 private:
  void add_groups_below(const std::string& group) {
    const Handle<DIR, ::closedir> listing(::opendir((top_ + group).c_str()));
    if (!listing) return;
    while (const auto* entry = ::readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe)
      const std::string_view name = &entry->d_name[0];
      if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
      auto below = group + "/" + std::string(name);
      if (groups_.size() < kMostGroupsRead && container_group(below) == container_)
        groups_.push_back(std::move(below));
    }
  }

  std::string container_;
  std::string top_;
  std::vector<std::string> groups_;
  std::size_t at_ = 0;
  std::istringstream pids_;
};

// A process that has moved meanwhile may be in any container.
bool is_in(const Fd& process, std::string_view container) {
  const auto text = text_at(process, "cgroup");
  const auto group = parse_cgroup(text);
  return group && container_group(*group) == container;
}

// A process that is just being started may still have the root directory of this machine.
bool is_own_root(const Fd& directory) {
  struct stat there {};
  struct stat here {};
  return ::fstat(directory.get(), &there) != 0 || ::stat("/", &here) != 0 ||
         (there.st_dev == here.st_dev && there.st_ino == here.st_ino);
}

// Opening anything but a regular file could do something: it is looked at before. Links lead to
// nowhere outside of the container.
std::string passwd_below(const Fd& root) {
  const auto file =
      open_resolved(root.get(), "etc/passwd", O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  struct stat facts {};
  if (!file || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return {};
  const auto path = "/proc/self/fd/" + std::to_string(file.get());
  return contents_of(Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)));
}

std::optional<std::string> name_in(const std::string& passwd, std::uint32_t user) {
  for (const auto& account : accounts_in(passwd))
    if (account.uid.value == user)
      return is_account_name(account.name) ? std::optional(account.name) : std::nullopt;
  return std::nullopt;
}

}  // namespace

bool is_account_name(std::string_view name) {
  constexpr std::size_t kLongest = 32;
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  return !name.empty() && name.size() <= kLongest && name.front() != '-' && name.front() != '.' &&
         name.find_first_not_of(kLetters) == std::string_view::npos &&
         name.find_first_not_of("0123456789") != std::string_view::npos;
}

std::optional<std::string> user_in_container(std::string_view container, Uid user,
                                             const std::string& proc, const std::string& root) {
  if (container.empty() || container.find("/../") != std::string_view::npos) return std::nullopt;
  ProcessesOf processes(container, root);
  for (int tried = 0; tried < kMostTried; ++tried) {
    const auto pid = processes.next();
    if (!pid) return std::nullopt;
    const auto directory = proc + "/" + std::to_string(*pid);
    const Fd process(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (*pid <= 0 || !process || !is_in(process, container)) continue;
    const Fd its_root(::openat(process.get(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!its_root || is_own_root(its_root)) continue;
    const auto inside = IdMap::parse(text_at(process, "uid_map")).to_inside(user.value);
    if (!inside) continue;
    if (auto name = name_in(passwd_below(its_root), *inside)) return name;
  }
  return std::nullopt;
}

}  // namespace guard
