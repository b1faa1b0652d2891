// Collects the facts about a tree.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <map>
#include <sstream>

#include "guardd/ctl/doctor/checks.h"
#include "guardd/ctl/machine/tree_walk.h"
#include "policy/base/handle.h"

namespace guard::doctor {
namespace {

namespace fs = std::filesystem;

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
    // The last of the longest: a later mount covers an earlier one.
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

// Counts the files in the tree that also have a name outside it.
void find_links(TreeFacts& facts, const Machine& machine, std::chrono::milliseconds patience) {
  constexpr std::size_t kMostEntries = 50'000;
  const auto tree = machine::walk_tree(machine, machine.real_path(facts.path), {},
                                       {kMostEntries, std::chrono::steady_clock::now() + patience});
  facts.is_complete = tree && !tree->is_cut && tree->unread == 0;
  if (!facts.is_complete) return;
  struct LinkCount {
    std::size_t first = 0;  // the entry with the first name
    std::uint64_t names = 0;
  };
  std::map<std::uint64_t, LinkCount> files;  // by inode
  for (std::size_t at = 0; at < tree->entries.size(); ++at) {
    const auto& entry = tree->entries[at];
    if (!entry.is_regular() || entry.links < 2) continue;
    auto& file = files[entry.inode];
    if (++file.names == 1) file.first = at;
  }
  for (const auto& [inode, file] : files) {
    if (file.names >= tree->entries[file.first].links) continue;
    ++facts.linked_outside;
    if (facts.linked_example.empty()) facts.linked_example = tree->path_of(file.first);
  }
}

}  // namespace

TreeFacts look_at_tree(const Machine& machine, const std::string& path,
                       std::chrono::milliseconds patience) {
  TreeFacts facts;
  facts.path = path;
  find_mounts(facts, machine);
  for (auto above = fs::path(path).parent_path(); !above.empty(); above = above.parent_path()) {
    struct stat found {};
    if (::lstat(above.c_str(), &found) == 0)
      facts.parents.push_back(
          {above.string(), Uid{found.st_uid}, Gid{found.st_gid}, Mode{found.st_mode & 07777U}});
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
  struct stat root {};
  if (::fstat(top.get(), &root) == 0 && S_ISDIR(root.st_mode)) find_links(facts, machine, patience);
  return facts;
}

}  // namespace guard::doctor
