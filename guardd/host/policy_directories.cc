#include "guardd/host/policy_directories.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <utility>

#include "guardd/host/files.h"
#include "policy/base/text.h"

namespace guard {
namespace {

LoadResult load(std::vector<PolicyFile> policies, std::uint64_t generation, const Users& users,
                const Files& files) {
  return load_policies({std::move(policies), Uid{::geteuid()}, generation}, users, files);
}

bool is_directory(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

// A file that is given twice, for example by itself and by its directory, is one file.
void drop_repeated(std::vector<PolicyFile>& files) {
  std::set<std::pair<dev_t, ino_t>> seen;
  std::erase_if(files, [&seen](const PolicyFile& file) {
    struct stat facts {};
    if (::stat(file.path.c_str(), &facts) < 0) return false;
    return !S_ISCHR(facts.st_mode) && !seen.emplace(facts.st_dev, facts.st_ino).second;
  });
}

}  // namespace

Result<LoadResult> load_policy_directories(const std::vector<std::string>& directories,
                                           std::uint64_t generation, const Users& users,
                                           const Files& seen) {
  for (const auto& directory : directories) {
    struct stat facts {};
    if (::stat(directory.c_str(), &facts) < 0) return Error::from_errno(errno, quote(directory));
    if (!S_ISDIR(facts.st_mode)) return Error::from_errno(ENOTDIR, quote(directory));
  }
  GUARD_TRY(auto files,
            find_policy_files(directories.empty() ? default_policy_directories() : directories));
  return load(std::move(files), generation, users, seen);
}

Result<LoadResult> load_policy_paths(const std::vector<std::string>& paths) {
  std::vector<std::string> directories;
  std::vector<PolicyFile> files;
  for (const auto& path : paths) {
    if (is_directory(path)) {
      directories.push_back(path);
    } else {
      files.push_back({path, {}, false});
    }
  }
  GUARD_TRY(auto found, find_policy_files(directories));
  for (auto& file : found) files.push_back(std::move(file));
  drop_repeated(files);
  return load(std::move(files), 1, SystemUsers(), SystemFiles());
}

TreeLimits tree_limits(const Policy& policy, const Files& files) {
  for (const auto& path : policy.said.paths) {
    const auto root = files.look(path.value);
    if (!root || !*root) continue;
    const auto& facts = **root;
    if (!facts.can_chown) {
      auto why = quote(path.value) + " is on " + facts.filesystem + ", which does not store owners";
      if (facts.filesystem == "vfat")
        why += ", and times in steps of two seconds: with fanotify, no opens are denied there";
      return {true, std::move(why)};
    }
    if (facts.read_only) return {true, quote(path.value) + " is mounted read-only"};
  }
  return {};
}

}  // namespace guard
