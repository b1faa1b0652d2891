// What each file system gets: the table in guardd(8), which is about fanotify, is what this test
// finds. vm/file_systems.test has all of them.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string_view>
#include <thread>

#include "policy/base/handle.h"
#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

namespace fs = std::filesystem;

// As the manual calls them. The first word is their type.
constexpr std::array kAll{"tmpfs",
                          "ext4",
                          "xfs",
                          "btrfs",
                          "btrfs subvolume",
                          "f2fs",
                          "f2fs with inode_crtime",
                          "overlay",
                          "overlay with index",
                          "overlay with nfs_export",
                          "NFS",
                          "FUSE",
                          "vfat",
                          "exfat"};

bool has_owners(std::string_view name) {
  return !name.ends_with("fat");
}

// One test for all: it makes its own file systems on the tmpfs of the fixture.
class FileSystems : public DaemonTest {
 protected:
  void TearDown() override {
    DaemonTest::TearDown();
    for (const auto& each : mounts_) (void)::umount2(each.c_str(), MNT_DETACH);
  }

  // vfat stores times in steps of two seconds: what happens at the beginning of one looks as exact
  // as elsewhere.
  static void wait_for_the_middle_of_a_step() {
    while (std::time(nullptr) % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }

  // A tree on this file system. Empty: it is not available here.
  fs::path tree_on(const std::string& name) {
    const auto made = file_system(name);
    if (made.empty()) return {};
    const auto tree = made / "tree";
    fs::create_directory(tree);
    if (has_owners(name)) {
      EXPECT_EQ(::chown(tree.c_str(), kApp, kApp), 0) << name;
    }
    return tree;
  }

  // What root gets to do in a tree that only its owner may change.
  static std::string done_in(const fs::path& tree) {
    std::string done;
    const auto attempt = [&](const char* what, bool is_done) {
      if (is_done || errno != EPERM) done += std::string(done.empty() ? "" : " ") + what;
    };
    const auto creates = [&](const char* name, int flags) {
      return Fd(::open((tree / name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC | flags, 0640))
                 .get() >= 0;
    };
    attempt("create", creates("created", O_TRUNC));
    attempt("exclusive", creates("exclusive", O_EXCL));
    attempt("mkdir", ::mkdir((tree / "made").c_str(), 0755) == 0);
    // Closed at once: with fanotify nothing waits, and nothing is denied.
    attempt("mknod", ::mknod((tree / "key").c_str(), S_IFREG | 0600, 0) == 0);
    return done;
  }

  // Without them nothing is watched, with the LSM either.
  static bool has_handles(const fs::path& tree) {
    constexpr int kOnlyToCompare = 0x200;  // AT_HANDLE_FID, since Linux 6.5
    const auto answers = [&](int flags) {
      alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> room{};
      auto& handle = reinterpret_cast<file_handle&>(room);
      handle.handle_bytes = MAX_HANDLE_SZ;
      int mount = 0;
      return ::name_to_handle_at(AT_FDCWD, tree.c_str(), &handle, &mount, flags) == 0;
    };
    return answers(0) || answers(kOnlyToCompare);
  }

  // The columns of the table.
  std::string row_of(const fs::path& tree, const std::string& done) const {
    const auto record_of = [&](const char* name) {
      (void)eventually([&] { return !violations(tree / name).empty(); });
      const auto records = violations(tree / name);
      return records.empty() ? Json::object() : records.front();
    };
    const auto made = record_of("made");
    std::string watched = "no";
    if (made.value("operation", "") == "scan") {
      watched = "scanned";
    } else if (!made.empty()) {
      watched = made["action"] == "fixed" ? "yes" : "reported";
    }
    const auto key = record_of("key").value("action", "") == "fixed" ? " yes" : " no";
    const auto denied = done == "mkdir mknod"          ? " yes"
                        : done == "create mkdir mknod" ? " some"
                                                       : " no";
    return watched + key + denied;
  }

  // The rows of the table; older kernels can watch less.
  static std::map<std::string, std::string> in_manual() {
    std::map<std::string, std::string> rows;
    std::ifstream manual(std::string(GUARD_SOURCE_DIR) + "/packaging/man/guardd.8");
    for (std::string line; std::getline(manual, line);) {
      std::vector<std::string> cells;
      for (std::size_t at = 4; line.starts_with(".It ") && at < line.size();) {
        const auto end = std::min(line.find(" Ta ", at), line.size());
        cells.push_back(line.substr(at, end - at));
        at = end + 4;
      }
      if (cells.size() != 5 || cells.back() == "Linux") continue;
      rows[cells[0]] =
          is_here(cells[4]) ? cells[1] + " " + cells[2] + " " + cells[3] : "scanned no no";
    }
    return rows;
  }

 private:
  // This Linux or a newer one.
  static bool is_here(const std::string& linux_version) {
    if (linux_version == "any") return true;
    const auto number = [](const std::string& version) {
      const auto dot = version.find('.');
      return std::stoi(version) * 1000 + std::stoi(version.substr(dot + 1));
    };
    utsname name{};
    return ::uname(&name) == 0 && number(name.release) >= number(linux_version);
  }

  fs::path file_system(const std::string& name) {
    const auto type = name.substr(0, name.find(' '));
    if (type == "NFS" || type == "FUSE") {
      const auto* at =
          std::getenv(("GUARD_TEST_" + type).c_str());  // NOLINT(concurrency-mt-unsafe)
      return at ? at : "";
    }
    const auto at = root() / std::to_string(made_++);
    fs::create_directory(at);
    if (type == "tmpfs") return at;
    const auto mounted = type == "overlay" ? overlay(name, at) : image(name, at);
    if (mounted.empty()) return {};
    mounts_.push_back(mounted);
    if (!name.ends_with("subvolume")) return mounted;
    as_root("btrfs -q subvolume create " + (mounted / "subvolume").string());
    return mounted / "subvolume";
  }

  static fs::path image(const std::string& name, const fs::path& at) {
    const auto type = name.substr(0, name.find(' '));
    const auto image = at.string() + ".img";
    const auto options = name.ends_with("inode_crtime") ? " -O extra_attr,inode_crtime " : " ";
    const auto make = "exec >/dev/null 2>&1; truncate -s 320M " + image + " && mkfs." + type +
                      options + image + " && mount -t " + type + " -o loop " + image + " " +
                      at.string();
    return std::system(make.c_str()) == 0 ? at : fs::path();  // NOLINT(concurrency-mt-unsafe)
  }

  static fs::path overlay(const std::string& name, const fs::path& at) {
    for (const auto* each : {"lower", "upper", "work", "merged"}) fs::create_directories(at / each);
    const bool exports = name.ends_with("nfs_export");
    const bool has_index = exports || name.ends_with("index");
    const auto options =
        "lowerdir=" + (at / "lower").string() + ",upperdir=" + (at / "upper").string() +
        ",workdir=" + (at / "work").string() + (has_index ? ",index=on" : ",index=off") +
        (exports ? ",nfs_export=on" : ",nfs_export=off");
    if (::mount("overlay", (at / "merged").c_str(), "overlay", 0, options.c_str()) != 0) return {};
    return at / "merged";
  }

  int made_ = 0;
  std::vector<fs::path> mounts_;
};
INSTANTIATE_TEST_SUITE_P(On, FileSystems, testing::Values(FsType::kTmpfs),
                         [](const auto& each) { return name_of(each.param); });

TEST_P(FileSystems, AreAsTheManualSays) {
  const bool has_all = std::getenv("GUARD_TEST_NFS") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  std::map<std::string, fs::path> trees;
  for (const std::string name : kAll) {
    auto tree = tree_on(name);
    if (!tree.empty()) {
      trees[name] = std::move(tree);
    } else {
      EXPECT_FALSE(has_all) << "there is no " << name;
    }
  }
  std::ofstream policy(root() / "policies/all.toml");
  for (int number = 0; const auto& [name, tree] : trees)
    policy << "[[policy]]\nname = \"p" << ++number
           << "\"\nowner = 4242\ngroup = 4242\naction = \"deny\"\nsettle = \"50ms\"\npaths = [\""
           << tree.string() << "\"]\n";
  policy.close();
  start();
  if (HasFatalFailure()) return;
  const auto rows = in_manual();
  if (has_all) {
    EXPECT_EQ(rows.size(), trees.size()) << "the manual has others";
  }
  std::map<std::string, std::string> done;
  for (const auto& [name, tree] : trees) {
    if (name == "vfat") wait_for_the_middle_of_a_step();
    done[name] = done_in(tree);
  }
  for (const auto& [name, tree] : trees) {
    if (on_lsm()) {
      EXPECT_EQ(done[name], has_handles(tree) ? "" : "create exclusive mkdir mknod") << name;
    } else {
      const auto row = rows.find(name);
      EXPECT_EQ(row_of(tree, done[name]), row == rows.end() ? "not in the manual" : row->second)
          << name;
    }
  }
}

}  // namespace
}  // namespace guard::test
