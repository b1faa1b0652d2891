#include "guardd/who/container_accounts.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "guardd/host/id_map.h"
#include "guardd/host/open_resolved.h"
#include "guardd/host/read_up_to.h"
#include "guardd/host/users.h"
#include "guardd/who/container_files.h"
#include "guardd/who/proc.h"
#include "policy/base/handle.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr std::size_t kMostOfFile = std::size_t{256} << 10U;
constexpr int kMostTried = 4;

// No more than kMostOfFile of it.
std::string contents_of(const Fd& fd) {
  std::string text;
  if (fd) (void)read_up_to(kMostOfFile, fd.get(), text);
  return text;
}

std::string text_at(const Fd& directory, const char* name) {
  return contents_of(Fd(::openat(directory.get(), name, O_RDONLY | O_CLOEXEC | O_NOCTTY)));
}

// The hierarchies of which the actor's group can be: see parse_cgroup().
std::string processes_of(std::string_view cgroup, const std::string& root) {
  for (const auto& hierarchy : {cgroup_hierarchy(root), root + "/sys/fs/cgroup/systemd"}) {
    const auto path = hierarchy + std::string(cgroup) + "/cgroup.procs";
    if (const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); file) return contents_of(file);
  }
  return {};
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

std::optional<std::string> user_in_container(std::string_view cgroup, Uid user,
                                             const std::string& proc, const std::string& root) {
  if (cgroup.find("/../") != std::string_view::npos) return std::nullopt;
  std::istringstream pids(processes_of(cgroup, root));
  std::int32_t pid = 0;
  for (int tried = 0; tried < kMostTried && pids >> pid; ++tried) {
    const auto directory = proc + "/" + std::to_string(pid);
    const Fd process(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    // A process that is no longer in the control group may be in any container.
    if (pid <= 0 || !process || parse_cgroup(text_at(process, "cgroup")) != cgroup) continue;
    const Fd its_root(::openat(process.get(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!its_root || is_own_root(its_root)) continue;
    const auto inside = IdMap::parse(text_at(process, "uid_map")).to_inside(user.value);
    if (!inside) continue;
    if (auto name = name_in(passwd_below(its_root), *inside)) return name;
  }
  return std::nullopt;
}

}  // namespace guard
