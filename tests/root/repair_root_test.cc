// What is fixed, and what is left as it is: each rule on every file system.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "guardd/repair/repair.h"
#include "tests/root/app_tree.h"

namespace guard::test {
namespace {

constexpr uid_t kStranger = 5001;

class Repair : public AppTreeTest {
 protected:
  std::string make(const std::string& name, mode_t mode = 0644, uid_t uid = 0) {
    const auto path = (tree_ / name).string();
    std::ofstream(path) << "content";
    EXPECT_EQ(::chown(path.c_str(), uid, uid), 0);
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }

  RepairOutcome repair(const std::string& relative, bool is_requested = true,
                       const FileId* expected = nullptr) {
    auto opened = open_tree(tree_);
    EXPECT_TRUE(opened) << opened.error().text();
    RepairTask task;
    task.policy = &policy_;
    task.relative_path = relative;
    task.expected = expected;
    task.is_requested = is_requested;
    return guard::repair(*opened, task);
  }

  static struct stat facts(const std::string& path) {
    struct stat facts {};
    EXPECT_EQ(::lstat(path.c_str(), &facts), 0) << path;
    return facts;
  }

  // Nothing has changed.
  void expect_skipped(const std::string& name, Skip why, bool is_requested = true) {
    const auto before = facts(tree_ / name);
    const auto outcome = repair(name, is_requested);
    EXPECT_EQ(outcome.what, RepairResult::kSkipped);
    EXPECT_EQ(outcome.skip, why) << reason_text(outcome.skip) << outcome.error;
    const auto after = facts(tree_ / name);
    EXPECT_EQ(after.st_uid, before.st_uid);
    EXPECT_EQ(after.st_gid, before.st_gid);
    EXPECT_EQ(after.st_mode, before.st_mode);
  }

  void expect_fixed(const std::string& name, bool is_requested = true) {
    const auto outcome = repair(name, is_requested);
    EXPECT_EQ(outcome.what, RepairResult::kFixed) << reason_text(outcome.skip) << outcome.error;
    EXPECT_EQ(facts(tree_ / name).st_uid, kApp) << name;
    EXPECT_EQ(facts(tree_ / name).st_gid, kApp) << name;
  }
};
GUARD_ON_EVERY_FS(Repair);

TEST_P(Repair, GivesFilesDirectoriesAndLinksToTheirOwner) {
  make("file");
  make("restored", 0644, kStranger);
  std::filesystem::create_directory(tree_ / "directory");
  std::filesystem::create_symlink("/etc/shadow", tree_ / "link");
  const auto shadow = facts("/etc/shadow");
  for (const char* name : {"file", "restored", "directory", "link"}) expect_fixed(name);
  EXPECT_EQ(facts("/etc/shadow").st_uid, shadow.st_uid);
}

TEST_P(Repair, ReturnsTheStateBeforeAndAfter) {
  make("file", 0600);
  const auto outcome = repair("file");
  EXPECT_EQ(outcome.before.uid, kRoot);
  EXPECT_EQ(outcome.after.uid, Uid{kApp});
  EXPECT_EQ(outcome.after.mode, Mode{0600});
  EXPECT_TRUE(outcome.verdict.deviation.owner);
}

TEST_P(Repair, LeavesACorrectFileAlone) {
  make("file", 0644, kApp);
  EXPECT_EQ(repair("file").what, RepairResult::kCorrect);
}

TEST_P(Repair, RemovesPermissionBitsButAddsNone) {
  policy_.wanted.file_mode = Mode{0640};
  make("wide", 0666);
  expect_fixed("wide");
  EXPECT_EQ(facts(tree_ / "wide").st_mode & 07777, 0640U);
  make("narrow", 0600);
  expect_fixed("narrow");
  EXPECT_EQ(facts(tree_ / "narrow").st_mode & 07777, 0600U);
  make("only_narrow", 0600, kApp);
  expect_skipped("only_narrow", Skip::kModeOnly);
}

TEST_P(Repair, FixesNothingIfThePolicyOnlyLogs) {
  policy_.said.action.value = Action::kLog;
  make("file");
  expect_skipped("file", Skip::kLogOnly);
}

TEST_P(Repair, NeverFixesAFileWithAnotherHardLink) {
  std::ofstream(root() / "foreign") << "secret";
  std::filesystem::create_hard_link(root() / "foreign", tree_ / "link");
  expect_skipped("link", Skip::kHardLink);
  std::filesystem::create_symlink("x", root() / "symlink");
  std::filesystem::create_hard_link(root() / "symlink", tree_ / "hard_symlink");
  expect_skipped("hard_symlink", Skip::kHardLink);
}

TEST_P(Repair, NeverTouchesFifosSocketsOrDevices) {
  ASSERT_EQ(::mkfifo((tree_ / "fifo").c_str(), 0644), 0);
  ASSERT_EQ(::mknod((tree_ / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  ASSERT_EQ(::mknod((tree_ / "socket").c_str(), S_IFSOCK | 0666, 0), 0);
  for (const char* name : {"fifo", "null", "socket"}) expect_skipped(name, Skip::kSpecial);
}

TEST_P(Repair, NeverFixesSetIdPrograms) {
  make("setuid", 04755);
  make("setgid", 02755);
  expect_skipped("setuid", Skip::kSetId);
  expect_skipped("setgid", Skip::kSetId);
  std::filesystem::create_directory(tree_ / "setgid_directory");
  ASSERT_EQ(::chmod((tree_ / "setgid_directory").c_str(), 02755), 0);
  expect_fixed("setgid_directory");
  EXPECT_EQ(facts(tree_ / "setgid_directory").st_mode & 07777, 02755U);
}

TEST_P(Repair, NeverFixesProgramsWithCapabilities) {
  const auto path = make("ping", 0755);
  vfs_cap_data capabilities{};
  capabilities.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
  capabilities.data[0].permitted = 1U << CAP_NET_RAW;
  if (::setxattr(path.c_str(), "security.capability", &capabilities, sizeof capabilities, 0) < 0)
    GTEST_SKIP() << "no file capabilities on " << name_of(GetParam());
  expect_skipped("ping", Skip::kCapabilities);
  EXPECT_GT(::getxattr(path.c_str(), "security.capability", nullptr, 0), 0);
}

TEST_P(Repair, WaitsForTheLastWriter) {
  const auto path = make("log");
  {
    const Fd writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    expect_skipped("log", Skip::kBusy);
  }
  expect_fixed("log");
}

TEST_P(Repair, DoesNotWaitForReaders) {
  const auto path = make("log");
  const Fd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  expect_fixed("log");
}

TEST_P(Repair, WithoutEvidenceRevealsNothing) {
  make("secret", 0600);
  make("group_secret", 0640);
  std::filesystem::create_directory(tree_ / "private");
  ASSERT_EQ(::chmod((tree_ / "private").c_str(), 0700), 0);
  for (const char* name : {"secret", "group_secret", "private"})
    expect_skipped(name, Skip::kNoEvidence, false);
  make("public", 0644);
  expect_fixed("public", false);
  std::filesystem::create_symlink("x", tree_ / "link");
  expect_fixed("link", false);
}

TEST_P(Repair, OnlyTheGroupBitsCountForTheOwnersGroup) {
  policy_.wanted.owner_groups = {Gid{kApp}};
  const auto path = make("file", 0604);
  ASSERT_EQ(::chown(path.c_str(), 0, kApp), 0);
  expect_skipped("file", Skip::kNoEvidence, false);
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  expect_fixed("file", false);
}

// The policy's group is not one of the owner's: its permissions are not the owner's.
TEST_P(Repair, TheWantedGroupGrantsTheOwnerNothing) {
  policy_.wanted.group = {Gid{kApp + 1}, "other"};
  const auto path = make("key", 0640);
  ASSERT_EQ(::chown(path.c_str(), 0, kApp + 1), 0);
  expect_skipped("key", Skip::kNoEvidence, false);
}

TEST_P(Repair, AnAccessListDecidesWhatTheOwnerCanRead) {
  const auto path = make("file", 0640);
  const auto set_list = [&](const std::string& entries) {
    return std::system(("setfacl -m " + entries + " " + path).c_str());  // NOLINT(*-mt-unsafe)
  };
  ASSERT_EQ(set_list("u:" + std::to_string(kApp) + ":---,o::r"), 0);
  expect_skipped("file", Skip::kNoEvidence, false);
  ASSERT_EQ(set_list("u:" + std::to_string(kApp) + ":r"), 0);
  const auto outcome = repair("file", false);
  EXPECT_EQ(outcome.what, RepairResult::kFixed) << reason_text(outcome.skip);
}

// What a user cannot reach is as secret as what it cannot read.
TEST_P(Repair, AReadableFileInAClosedDirectoryIsASecret) {
  std::filesystem::create_directory(tree_ / "closed");
  ASSERT_EQ(::chmod((tree_ / "closed").c_str(), 0700), 0);
  make("closed/public", 0644);
  expect_skipped("closed/public", Skip::kNoEvidence, false);
}

TEST_P(Repair, FixesOnlyTheFileThatTheChangeWasAbout) {
  const Fd old(::open(make("file").c_str(), O_PATH | O_CLOEXEC));
  const auto id = FileId::of(old.get());
  ASSERT_TRUE(id) << id.error().text();
  std::filesystem::rename(tree_ / "file", tree_ / "moved");
  make("file");
  const auto outcome = repair("file", true, &*id);
  EXPECT_EQ(outcome.skip, Skip::kReplaced);
  EXPECT_EQ(facts(tree_ / "file").st_uid, 0U);
  EXPECT_EQ(repair("moved", true, &*id).what, RepairResult::kFixed);
}

TEST_P(Repair, FollowsNoLinkInThePath) {
  std::filesystem::create_directory(root() / "outside");
  std::ofstream(root() / "outside" / "file") << "x";
  std::filesystem::create_directory_symlink(root() / "outside", tree_ / "way");
  const auto outcome = repair("way/file");
  EXPECT_EQ(outcome.what, RepairResult::kSkipped);
  EXPECT_EQ(facts(root() / "outside" / "file").st_uid, 0U);
  EXPECT_NE(repair("../outside/file").what, RepairResult::kFixed);
  EXPECT_EQ(facts(root() / "outside" / "file").st_uid, 0U);
}

TEST_P(Repair, CrossesNoMount) {
  for (const char* name : {"other", "bound"}) std::filesystem::create_directory(tree_ / name);
  std::filesystem::create_directory(root() / "foreign");
  std::ofstream(root() / "foreign" / "file") << "x";
  ASSERT_EQ(::mount("none", (tree_ / "other").c_str(), "tmpfs", 0, nullptr), 0);
  ASSERT_EQ(
      ::mount((root() / "foreign").c_str(), (tree_ / "bound").c_str(), nullptr, MS_BIND, nullptr),
      0);
  std::ofstream(tree_ / "other" / "file") << "x";
  for (const char* name : {"other", "bound", "other/file", "bound/file"}) {
    EXPECT_EQ(repair(name).what, RepairResult::kSkipped) << name;
    EXPECT_EQ(facts(tree_ / name).st_uid, 0U) << name;
  }
  ASSERT_EQ(::umount2((tree_ / "other").c_str(), MNT_DETACH), 0);
  ASSERT_EQ(::umount2((tree_ / "bound").c_str(), MNT_DETACH), 0);
}

TEST_P(Repair, FixesATreeThatIsAMount) {
  ASSERT_EQ(::mount(tree_.c_str(), tree_.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::chown(tree_.c_str(), 0, 0), 0);
  EXPECT_EQ(repair("").what, RepairResult::kFixed);
  EXPECT_EQ(facts(tree_).st_uid, kApp);
  ASSERT_EQ(::umount2(tree_.c_str(), MNT_DETACH), 0);
}

TEST_P(Repair, SkipsAReadOnlyFileSystem) {
  make("file");
  ASSERT_EQ(::mount(tree_.c_str(), tree_.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(nullptr, tree_.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
  expect_skipped("file", Skip::kReadOnly);
  ASSERT_EQ(::umount2(tree_.c_str(), MNT_DETACH), 0);
}

TEST_P(Repair, ReachesPathsLongerThanPathMax) {
  std::string relative;
  Fd at(::open(tree_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int depth = 0; depth < 60; ++depth) {
    const std::string name = std::string(253, static_cast<char>('a' + depth % 26)) + "\xff\n";
    ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0755), 0);
    at = Fd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
    relative += (relative.empty() ? "" : "/") + name;
  }
  const auto outcome = repair(relative);
  EXPECT_EQ(outcome.what, RepairResult::kFixed) << outcome.error;
  struct stat deepest {};
  ASSERT_EQ(::fstat(at.get(), &deepest), 0);
  EXPECT_EQ(deepest.st_uid, kApp);
}

TEST_P(Repair, SkipsAMissingFile) {
  EXPECT_EQ(repair("nothing").skip, Skip::kGone);
  EXPECT_EQ(repair("nothing/below").skip, Skip::kGone);
  make("file");
  EXPECT_EQ(repair("file/below").skip, Skip::kGone);
}

}  // namespace
}  // namespace guard::test
