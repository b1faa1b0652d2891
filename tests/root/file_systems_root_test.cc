// What each file system gets with fanotify: the table in guardd(8) is what this test finds.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>

#include "policy/base/handle.h"
#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

namespace fs = std::filesystem;

// One test for all: it makes its own file systems on the tmpfs of the fixture.
class FileSystems : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (on_lsm()) GTEST_SKIP() << "the table is about fanotify";
  }
  void TearDown() override {
    DaemonTest::TearDown();
    for (const auto& each : mounts_) (void)::umount2(each.c_str(), MNT_DETACH);
  }

  // A tree on this file system. Empty: it is not available here.
  fs::path tree_on(const std::string& name) {
    const auto made = name.starts_with("overlay") ? overlay(name) : scratch(name);
    if (made.empty()) return {};
    const auto tree = made / "tree";
    fs::create_directory(tree);
    EXPECT_EQ(::chown(tree.c_str(), kApp, kApp), 0);
    return tree;
  }

  // "yes", "scanned" or "no" for each column.
  std::string row_of(const fs::path& tree) const {
    const auto becomes_apps = [&](const char* name) {
      return eventually([&] { return owner(tree / name) == kApp; });
    };
    const bool is_denied =
        !Fd(::open((tree / "denied").c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0640)) &&
        errno == EPERM;
    as_root("mkdir " + tree.string() + "/made");
    // Closed at once: nothing waits, and nothing is denied.
    EXPECT_EQ(::mknod((tree / "key").c_str(), S_IFREG | 0600, 0), 0);
    const bool is_watched = becomes_apps("made");
    return std::string(is_watched ? "yes" : "scanned") + " " +
           (is_watched && becomes_apps("key") ? "yes" : "no") + " " + (is_denied ? "yes" : "no");
  }

  static std::string in_manual(const std::string& name) {
    std::ifstream manual(std::string(GUARD_SOURCE_DIR) + "/packaging/man/guardd.8");
    for (std::string line; std::getline(manual, line);) {
      if (!line.starts_with(".It " + name + " Ta ")) continue;
      std::istringstream words(line.substr(4 + name.size()));
      std::string row;
      for (std::string word; words >> word;)
        if (word != "Ta") row += (row.empty() ? "" : " ") + word;
      return row;
    }
    return "not in the manual";
  }

 private:
  fs::path scratch(const std::string& name) {
    for (const auto type : {FsType::kTmpfs, FsType::kExt4, FsType::kXfs, FsType::kBtrfs}) {
      if (!name.starts_with(name_of(type)) || !why_no_scratch_fs(type).empty()) continue;
      auto made = ScratchFs::make(type);
      if (!made) return {};
      made_.push_back(*std::move(made));
      const auto& at = made_.back()->root();
      if (name.find("subvolume") == std::string::npos) return at;
      as_root("btrfs -q subvolume create " + (at / "subvolume").string());
      return at / "subvolume";
    }
    return {};
  }
  fs::path overlay(const std::string& name) {
    const auto at = root() / name.substr(0, name.find(' ')) / std::to_string(mounts_.size());
    for (const auto* each : {"lower", "upper", "work", "merged"}) fs::create_directories(at / each);
    const bool exports = name.find("nfs_export") != std::string::npos;
    const auto options = "lowerdir=" + (at / "lower").string() +
                         ",upperdir=" + (at / "upper").string() +
                         ",workdir=" + (at / "work").string() +
                         (exports ? ",index=on,nfs_export=on" : ",index=off,nfs_export=off");
    if (::mount("overlay", (at / "merged").c_str(), "overlay", 0, options.c_str()) != 0) return {};
    mounts_.push_back(at / "merged");
    return at / "merged";
  }

  std::vector<std::unique_ptr<ScratchFs>> made_;
  std::vector<fs::path> mounts_;
};
INSTANTIATE_TEST_SUITE_P(On, FileSystems, testing::Values(FsType::kTmpfs),
                         [](const auto& each) { return name_of(each.param); });

TEST_P(FileSystems, AreAsTheManualSays) {
  std::map<std::string, fs::path> trees;
  for (const auto* name :
       {"tmpfs", "ext4", "xfs", "btrfs", "btrfs subvolume", "overlay", "overlay with nfs_export"})
    if (auto tree = tree_on(name); !tree.empty()) trees[name] = std::move(tree);
  std::ofstream policy(root() / "policies/all.toml");
  for (int number = 0; const auto& [name, tree] : trees)
    policy << "[[policy]]\nname = \"p" << ++number
           << "\"\nowner = 4242\ngroup = 4242\naction = \"deny\"\nsettle = \"50ms\"\npaths = [\""
           << tree.string() << "\"]\n";
  policy.close();
  start();
  for (const auto& [name, tree] : trees) EXPECT_EQ(row_of(tree), in_manual(name)) << name;
}

}  // namespace
}  // namespace guard::test
