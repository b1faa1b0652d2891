// What can be seen of a tree.

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <map>
#include <sstream>

#include "guardd/ctl/doctor/trees.h"
#include "policy/base/handle.h"

namespace guard::doctor {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostEntries = 50'000;
constexpr std::size_t kDeepest = 64;

struct Mount {
  std::string point;
  std::string options;
  std::string filesystem;
};

// "\040" is a space.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octal = text.substr(i + 1, 3);
    if (text[i] == '\\' && octal.size() == 3 &&
        octal.find_first_not_of("01234567") == std::string::npos) {
      out += static_cast<char>(std::stoi(octal, nullptr, 8));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<Mount> mounts_of(const Machine& machine) {
  std::vector<Mount> mounts;
  const auto lines = machine.lines("/proc/self/mountinfo");
  if (!lines) return mounts;
  for (const auto& line : *lines) {
    const auto end = line.find(" - ");
    if (end == std::string::npos) continue;
    std::istringstream head(line.substr(0, end));
    std::istringstream tail(line.substr(end + 3));
    std::string skipped;
    std::string source;
    std::string more;
    Mount mount;
    head >> skipped >> skipped >> skipped >> skipped >> mount.point >> mount.options;
    tail >> mount.filesystem >> source >> more;
    mount.point = unescaped(mount.point);
    mount.options += ',' + more;
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

bool is_below(const std::string& path, const std::string& top) {
  return top == "/" ? path != "/" : path.starts_with(top + '/');
}

void find_mounts(TreeFacts& facts, const Machine& machine) {
  for (const auto& mount : mounts_of(machine)) {
    if (is_below(mount.point, facts.path)) facts.mounts_below.push_back(mount.point);
    // The last one of the longest: what was mounted later covers what was there.
    if ((mount.point == facts.path || is_below(facts.path, mount.point)) &&
        mount.point.size() >= facts.mount_point.size()) {
      facts.mount_point = mount.point;
      facts.filesystem = mount.filesystem;
      facts.options = ',' + mount.options + ',';
    }
  }
}

int handles_error(int fd) {
  struct {
    file_handle handle;
    unsigned char room[MAX_HANDLE_SZ];
  } space{};
  space.handle.handle_bytes = MAX_HANDLE_SZ;
  int mount = 0;
  return ::name_to_handle_at(fd, "", &space.handle, &mount, AT_EMPTY_PATH) == 0 ? 0 : errno;
}

// Counts the names that files of several names have in the tree. Opens directories only, follows
// nothing, stays on the file system, and gives up soon.
class Links {
 public:
  Links(TreeFacts& facts, std::chrono::milliseconds patience)
      : facts_(facts), end_(std::chrono::steady_clock::now() + patience) {}

  void look_through(int top) {
    struct stat facts {};
    if (::fstat(top, &facts) == 0 && S_ISDIR(facts.st_mode)) {
      device_ = facts.st_dev;
      walk(::openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "", 0);
    }
    for (const auto& [inode, file] : files_) {
      if (file.seen >= file.links || !facts_.seen_all) continue;
      ++facts_.linked_outside;
      if (facts_.linked_example.empty()) facts_.linked_example = file.name;
    }
  }

 private:
  struct File {
    std::uint64_t links = 0;
    std::uint64_t seen = 0;
    std::string name;
  };

  void walk(int opened, const std::string& path, std::size_t depth) {
    Fd directory(opened);
    if (!directory) {
      facts_.seen_all = false;
      return;
    }
    const Handle<DIR, ::closedir> listing(::fdopendir(directory.get()));
    if (!listing) return;
    const int here = directory.release();
    while (const auto* each = ::readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe)
      const std::string name = each->d_name;
      if (name == "." || name == "..") continue;
      if (++entries_ > kMostEntries || depth > kDeepest ||
          std::chrono::steady_clock::now() > end_) {
        facts_.seen_all = false;
        return;
      }
      struct stat facts {};
      if (::fstatat(here, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0 ||
          facts.st_dev != device_)
        continue;
      if (S_ISREG(facts.st_mode) && facts.st_nlink > 1) {
        auto& file = files_[facts.st_ino];
        file.links = facts.st_nlink;
        if (++file.seen == 1) file.name = path + name;
      } else if (S_ISDIR(facts.st_mode)) {
        walk(::openat(here, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
             path + name + '/', depth + 1);
      }
    }
  }

  TreeFacts& facts_;
  std::chrono::steady_clock::time_point end_;
  dev_t device_ = 0;
  std::size_t entries_ = 0;
  std::map<ino_t, File> files_;
};

}  // namespace

TreeFacts look_at_tree(const Machine& machine, const std::string& path,
                       std::chrono::milliseconds patience) {
  TreeFacts facts;
  facts.path = path;
  find_mounts(facts, machine);
  for (auto above = fs::path(path).parent_path(); !above.empty(); above = above.parent_path()) {
    struct stat seen {};
    if (::lstat(above.c_str(), &seen) == 0)
      facts.above.push_back(
          {above.string(), Uid{seen.st_uid}, Gid{seen.st_gid}, Mode{seen.st_mode & 07777U}});
    if (above == above.root_path()) break;
  }
  const Fd top(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!top) {
    facts.error = errno;
    return facts;
  }
  facts.handles = handles_error(top.get());
  struct statvfs system {};
  if (::fstatvfs(top.get(), &system) == 0 && system.f_files > 0) {
    facts.inodes = system.f_files;
    facts.inodes_free = system.f_favail;
  }
  Links(facts, patience).look_through(top.get());
  return facts;
}

}  // namespace guard::doctor
