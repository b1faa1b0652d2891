// Undo restores what guardd fixed, unless the file has changed since: its owner must gain nothing.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "guardd/repair/scan.h"
#include "guardd/request_process/undo.h"
#include "tests/root/app_tree.h"

namespace guard::test {
namespace {

using std::chrono::system_clock;
namespace fs = std::filesystem;

class Undo : public AppTreeTest {
 protected:
  void SetUp() override {
    AppTreeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    policy_.said.name.value = "app";
    policy_.wanted.file_mode = Mode{0640};
  }

  PolicySet set(const fs::path& tree) const {
    return {{policy_}, {Tree{tree.string(), 0, {}}}, {"p.toml"}, 1};
  }
  PolicySet set() const { return set(tree_); }

  fs::path make(const std::string& name, mode_t mode = 0644) const {
    auto path = tree_ / name;
    std::ofstream(path) << "content";
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  // Fixes the object, and returns the fix as the trail would.
  Fix fixed(const std::string& name) const {
    const auto opened = open_tree(tree_);
    EXPECT_TRUE(opened);
    RepairTask task;
    task.policy = &policy_;
    task.relative_path = name;
    task.is_requested = true;
    const auto outcome = repair(*opened, task);
    EXPECT_EQ(outcome.what, RepairResult::kFixed) << reason_text(outcome.skip) << outcome.error;
    const auto at = [](const ObjectState& state) {
      return Ownership{state.uid, state.gid, state.mode};
    };
    return {system_clock::now(),     "i",        "app",
            (tree_ / name).string(), outcome.id, at(outcome.before),
            at(outcome.after)};
  }

  UndoReport undo(const std::vector<Fix>& fixes) {
    return guard::undo(fixes, set(), &left_alone_, std::stop_token(), done_);
  }
  // The undo changes nothing, and reports this reason.
  void denied(const Fix& fix, const std::string& why) {
    const auto before = facts(fix.path);
    const auto report = undo({fix});
    EXPECT_EQ(report.restored.size(), 0U);
    ASSERT_EQ(report.left.size(), 1U);
    EXPECT_EQ(report.left[0].fix, 0U);
    EXPECT_NE(report.left[0].why.find(why), std::string::npos) << report.left[0].why;
    const auto after = facts(fix.path);
    EXPECT_EQ(after.st_uid, before.st_uid);
    EXPECT_EQ(after.st_gid, before.st_gid);
    EXPECT_EQ(after.st_mode, before.st_mode);
  }
  static void is(const fs::path& path, uid_t uid, gid_t gid, unsigned mode) {
    const auto now = facts(path);
    EXPECT_EQ(now.st_uid, uid) << path;
    EXPECT_EQ(now.st_gid, gid) << path;
    EXPECT_EQ(now.st_mode & 07777U, mode) << path;
  }
  static struct stat facts(const fs::path& path) {
    struct stat facts {};
    (void)::lstat(path.c_str(), &facts);
    return facts;
  }

  // As the daemon's own scans do.
  std::uint64_t scan_fixes() {
    const auto opened = open_tree(tree_);
    EXPECT_TRUE(opened);
    ScanTask task;
    task.policy = &policy_;
    task.fix = true;
    task.left_alone = &left_alone_;
    ScanProgress progress;
    found_ = 0;
    const auto done = scan(
        *opened, task, {}, [&](const Finding&) { ++found_; }, {}, progress);
    EXPECT_TRUE(done);
    return progress.fixed;
  }

  LeftAlone left_alone_;
  std::atomic<std::uint64_t> done_ = 0;
  int found_ = 0;
};
GUARD_ON_EVERY_FS(Undo);

TEST_P(Undo, RestoresOwnerGroupAndMode) {
  const auto path = make("file", 0664);
  ASSERT_EQ(::chown(path.c_str(), 0, 5), 0);
  fs::create_directory(tree_ / "directory");
  fs::create_symlink("/etc/shadow", tree_ / "link");
  const auto shadow = facts("/etc/shadow");
  const std::vector<Fix> fixes{fixed("link"), fixed("directory"), fixed("file")};
  is(path, kApp, kApp, 0640);
  const auto report = undo(fixes);
  EXPECT_EQ(report.restored.size(), 3U);
  EXPECT_TRUE(report.left.empty());
  is(path, 0, 5, 0664);
  is(tree_ / "directory", 0, 0, 0755);
  EXPECT_EQ(facts(tree_ / "link").st_uid, 0U);
  EXPECT_EQ(facts("/etc/shadow").st_ctim.tv_nsec, shadow.st_ctim.tv_nsec);
  denied(fixes[2], "already as it was before");
}

TEST_P(Undo, ADryRunOnlyReports) {
  const auto path = make("file", 0664);
  const auto fix = fixed("file");
  const auto gone = fixed(fs::path(make("gone")).filename());
  fs::remove(gone.path);
  const auto report = guard::undo({gone, fix}, set(), nullptr, std::stop_token(), done_);
  ASSERT_EQ(report.restored.size(), 1U);
  EXPECT_EQ(report.restored[0].fix, 1U);
  EXPECT_EQ(report.restored[0].from, fix.after);
  EXPECT_EQ(report.restored[0].to, fix.before);
  ASSERT_EQ(report.left.size(), 1U);
  EXPECT_EQ(report.left[0].why, "it no longer exists");
  is(path, kApp, kApp, 0640);
}

TEST_P(Undo, RestoresTwoRepairsOfOneFileInOrder) {
  const auto path = make("file");
  const auto first = fixed("file");
  ASSERT_EQ(::chown(path.c_str(), 0, kApp), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  const auto second = fixed("file");
  const auto plan = guard::undo({second, first}, set(), nullptr, std::stop_token(), done_);
  ASSERT_EQ(plan.restored.size(), 1U);
  EXPECT_EQ(plan.restored[0].to, first.before);
  is(path, kApp, kApp, 0640);
  const auto report = undo({second, first});
  EXPECT_EQ(report.restored.size(), 1U);
  EXPECT_TRUE(report.left.empty());
  is(path, 0, 0, 0644);
}

TEST_P(Undo, IsNotFixedAgainUntilItChanges) {
  const auto path = make("file");
  EXPECT_EQ(undo({fixed("file")}).restored.size(), 1U);
  EXPECT_EQ(scan_fixes(), 0U);
  EXPECT_EQ(found_, 0) << "it was reported";
  is(path, 0, 0, 0644);
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), nullptr, 0), 0);
  EXPECT_EQ(scan_fixes(), 1U);
  is(path, kApp, kApp, 0640);
}

TEST_P(Undo, FilesInAClosedDirectoryAreNotReportedEither) {
  fs::create_directory(tree_ / "private");
  ASSERT_EQ(::chmod((tree_ / "private").c_str(), 0700), 0);
  make("private/file");
  EXPECT_EQ(undo({fixed("private/file"), fixed("private")}).restored.size(), 2U);
  EXPECT_EQ(scan_fixes(), 0U);
  EXPECT_EQ(found_, 0);
}

TEST_P(Undo, SkipsFilesThatHaveChanged) {
  const auto change = [&](const std::string& name, uid_t uid, gid_t gid, mode_t mode) {
    make(name);
    const auto fix = fixed(name);
    ASSERT_EQ(::chown(fix.path.c_str(), uid, gid), 0);
    ASSERT_EQ(::chmod(fix.path.c_str(), mode), 0);
    denied(fix, "it was changed after the fix");
  };
  change("owner", 5001, kApp, 0640);
  change("group", kApp, 5001, 0640);
  change("mode", kApp, kApp, 0600);
}

TEST_P(Undo, SkipsAReplacedFile) {
  make("file");
  const auto fix = fixed("file");
  fs::rename(tree_ / "file", tree_ / "moved");
  const auto path = make("file", 0640);
  ASSERT_EQ(::chown(path.c_str(), kApp, kApp), 0);
  denied(fix, "another file has replaced it");
  fs::remove(path);
  const auto report = undo({fix});
  ASSERT_EQ(report.left.size(), 1U);
  EXPECT_EQ(report.left[0].why, "it no longer exists");
}

// Its inode number may be the same.
TEST_P(Undo, SkipsAFileThatIsYoungerThanTheRepair) {
  make("file");
  auto fix = fixed("file");
  struct statx facts {};
  ASSERT_EQ(::statx(AT_FDCWD, fix.path.c_str(), 0, STATX_BTIME, &facts), 0);
  if ((facts.stx_mask & STATX_BTIME) == 0)
    GTEST_SKIP() << "files have no birth time on " << name_of(GetParam());
  fix.time -= std::chrono::hours(1);
  denied(fix, "another file has replaced it");
}

TEST_P(Undo, SkipsAFileThatItsOwnerHasChanged) {
  make("file");
  const auto fix = fixed("file");
  std::this_thread::sleep_for(std::chrono::milliseconds(40));
  std::ofstream(tree_ / "file", std::ios::app) << "#!/bin/sh";
  denied(fix, "its owner has changed it since the fix; look at it, then use chown");
}

// A descriptor outlives a change of owner.
TEST_P(Undo, SkipsAFileThatAProcessHasOpen) {
  make("file");
  const auto fix = fixed("file");
  {
    const Fd reader(::open((tree_ / "file").c_str(), O_RDONLY | O_CLOEXEC));
    denied(fix,
           "a process has it open, and could read or write it after the undo; stop that process");
  }
  EXPECT_EQ(undo({fix}).restored.size(), 1U);
}

TEST_P(Undo, FollowsNoLink) {
  make("file");
  fs::create_directory(tree_ / "directory");
  make("directory/below");
  const std::vector<Fix> fixes{fixed("file"), fixed("directory/below")};
  const auto outside = root() / "outside";
  fs::create_directory(outside);
  for (const char* name : {"file", "below"}) {
    std::ofstream(outside / name) << "x";
    ASSERT_EQ(::chmod((outside / name).c_str(), 0640), 0);
    ASSERT_EQ(::chown((outside / name).c_str(), kApp, kApp), 0);
  }
  fs::rename(tree_ / "file", tree_ / "was-file");
  fs::create_symlink(outside / "file", tree_ / "file");
  fs::rename(tree_ / "directory", tree_ / "was-directory");
  fs::create_directory_symlink(outside, tree_ / "directory");
  denied(fixes[0], "another file has replaced it");
  denied(fixes[1], "another file has replaced it");
  EXPECT_EQ(facts(outside / "file").st_uid, kApp);
  EXPECT_EQ(facts(outside / "below").st_uid, kApp);
}

TEST_P(Undo, SkipsAFileWithAnotherName) {
  make("file");
  const auto fix = fixed("file");
  fs::create_hard_link(tree_ / "file", root() / "other-name");
  denied(fix, "it has another hard link");
}

TEST_P(Undo, AddsNoSetIdBit) {
  const auto path = make("file");
  auto fix = fixed("file");
  fix.before.mode = Mode{06755};
  EXPECT_EQ(undo({fix}).restored.size(), 1U);
  is(path, 0, 0, 0755);
  make("program");
  auto program = fixed("program");
  ASSERT_EQ(::chmod(program.path.c_str(), 04640), 0);
  denied(program, "it is set-user-ID");
}

TEST_P(Undo, SkipsAFileWithCapabilities) {
  const auto path = make("ping");
  const auto fix = fixed("ping");
  vfs_cap_data capabilities{};
  capabilities.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
  capabilities.data[0].permitted = 1U << CAP_NET_RAW;
  if (::setxattr(path.c_str(), "security.capability", &capabilities, sizeof capabilities, 0) < 0)
    GTEST_SKIP() << "no file capabilities on " << name_of(GetParam());
  denied(fix, "it has file capabilities");
}

TEST_P(Undo, CrossesNoMount) {
  fs::create_directory(tree_ / "directory");
  make("directory/file");
  const auto fix = fixed("directory/file");
  ASSERT_EQ(::mount((tree_ / "directory").c_str(), (tree_ / "directory").c_str(), nullptr, MS_BIND,
                    nullptr),
            0);
  denied(fix, "a mount lies between it and its tree");
  ASSERT_EQ(::umount2((tree_ / "directory").c_str(), MNT_DETACH), 0);
}

TEST_P(Undo, RestoresOnlyInTreesOfThePolicies) {
  make("file");
  const auto fix = fixed("file");
  const auto report =
      guard::undo({fix}, set(root() / "elsewhere"), &left_alone_, std::stop_token(), done_);
  ASSERT_EQ(report.left.size(), 1U);
  EXPECT_EQ(report.left[0].why, "it is in no tree of a policy any longer");
  is(fix.path, kApp, kApp, 0640);
}

TEST_P(Undo, CanBeStopped) {
  make("file");
  const auto fix = fixed("file");
  std::stop_source source;
  source.request_stop();
  const auto report = guard::undo({fix}, set(), &left_alone_, source.get_token(), done_);
  EXPECT_EQ(report.restored.size(), 0U);
  EXPECT_EQ(report.left.size(), 1U);
  is(fix.path, kApp, kApp, 0640);
}

}  // namespace
}  // namespace guard::test
