// Where an object is: nested trees, patterns, mounts, and objects whose tree cannot be found.
#include <linux/mount.h>
#include <sys/syscall.h>

#include "tests/vm/lsm_patterns.h"

namespace guard {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

int make(const fs::path& below_tree) {
  return errno_of(::mkdir((fs::path("/mnt/tree") / below_tree).c_str(), 0700));
}

// ---- patterns

TEST_F(LsmPatterns, ExcludedPathsArePermitted) {
  for (const char* path : {"tree/cache/deep/down", "tree/logs", "tree/logs/cache"})
    (void)make_directory_as_owner(path);
  tag(tree_, tag_with({"cache/**", "*.tmp", "logs/*.log"}, {}));
  EXPECT_EQ(make("cache/new"), 0);
  EXPECT_EQ(make("cache/deep/down/new"), 0);
  EXPECT_EQ(make("new.tmp"), 0);
  EXPECT_EQ(make("logs/new.log"), 0);
  EXPECT_EQ(counters(), LsmCounters{});
  EXPECT_THAT(take_events().events, IsEmpty());
  EXPECT_EQ(make("new"), EPERM);
  EXPECT_EQ(make("new.tmpx"), EPERM);
  EXPECT_EQ(make("logs/cache/new"), EPERM);
}

TEST_F(LsmPatterns, ARuleCanNameAnotherOwner) {
  (void)make_directory_as_owner("tree/conf");
  ASSERT_EQ(::fchmodat(tree_.get(), "conf", 0777, 0), 0);
  const Terms roots{0, 0, kAnyMode, kAnyMode, kTreeActionDeny};
  const Terms logged{kOther, kOther, kAnyMode, kAnyMode, kTreeActionLog};
  const Terms off{0, 0, kAnyMode, kAnyMode, kTreeActionOff};
  tag(tree_, tag_with({}, {{"conf/*.key"}, {"conf/other*"}, {"conf/off"}}, {roots, logged, off}));
  EXPECT_EQ(make("conf/a.key"), 0);
  EXPECT_EQ(counters(), LsmCounters{});
  EXPECT_EQ(make("conf/other"), 0);
  EXPECT_EQ(counters().passed, 1U);
  EXPECT_EQ(make("conf/off"), 0);
  EXPECT_EQ(make("conf/new"), EPERM);
  EXPECT_EQ(counters().denied, 1U);
  const ActingAs other(kOther);
  EXPECT_EQ(make("conf/b.key"), EPERM);
}

// Not even if a rule names another owner.
TEST_F(LsmPatterns, ThePolicysOwnerIsNeverDenied) {
  tag(tree_, tag_with({}, {{"*.key"}}, {Terms{0, 0, kAnyMode, kAnyMode, kTreeActionDeny}}));
  const ActingAs owner(kOwner);
  EXPECT_EQ(make("a.key"), 0);
}

TEST_F(LsmPatterns, TheLongestNameIsReadInFull) {
  const std::string longest(250, 'n');
  tag(tree_, tag_with({"x*.skip"}, {}));
  EXPECT_EQ(make('x' + longest.substr(1) + ".skip"), 0);
  EXPECT_EQ(make('y' + longest.substr(1) + ".skip"), EPERM);
  EXPECT_EQ(counters().undecided, 0U);
}

TEST_F(LsmPatterns, NamesAreBytes) {
  (void)make_directory_as_owner("tree/cache");
  tag(tree_, tag_with({"cache/**", "*.skip"}, {}));
  EXPECT_EQ(make("cache/\xff\xfe"), 0);
  EXPECT_EQ(make("\xff\xfe.skip"), 0);
  EXPECT_EQ(make("\xff\xfe"), EPERM);
}

TEST_F(LsmPatterns, MatchSixtyLevelsDeep) {
  fs::path deep = "top";
  for (int i = 0; i < 60; ++i) deep /= "level" + std::to_string(i);
  (void)make_directory_as_owner("tree" / deep);
  tag(tree_, tag_with({"**/*.skip"}, {{"top/**/*.key"}},
                      {Terms{0, 0, kAnyMode, kAnyMode, kTreeActionDeny}}));
  EXPECT_EQ(make(deep / "a.skip"), 0);
  EXPECT_EQ(make(deep / "a.key"), 0);
  EXPECT_EQ(make(deep / "a"), EPERM);
  EXPECT_EQ(counters().undecided, 0U);
}

TEST_F(LsmPatterns, NothingIsDeniedIfThePatternsAreMissing) {
  auto lost = tag_for(kOwner);
  lost.patterns = 999;
  tag(tree_, lost);
  EXPECT_EQ(make("new"), 0);
  EXPECT_EQ(counters().undecided, 1U);
  EXPECT_EQ(counters().passed, 1U);
  auto too_many = tag_for(kOwner);
  too_many.flags = kTreeUndecidable;
  tag(tree_, too_many);
  EXPECT_EQ(make("newer"), 0);
  EXPECT_EQ(counters().undecided, 2U);
}

TEST_F(LsmPatterns, NothingIsDeniedIfARuleIsMissing) {
  tag(tree_, tag_with({}, {{"*.key"}}));
  EXPECT_EQ(make("new"), EPERM);
  EXPECT_EQ(make("new.key"), 0);
  EXPECT_EQ(counters().undecided, 1U);
}

TEST_F(LsmPatterns, AsciiPatternsAreNotUsedForOtherNames) {
  auto ascii = tag_with({"*.skip"}, {});
  ascii.flags = kTreeAsciiOnly;
  tag(tree_, ascii);
  EXPECT_EQ(make("new"), EPERM);
  EXPECT_EQ(make("n\xc3\xa4u"), 0);
  EXPECT_EQ(counters().undecided, 1U);
}

// ---- nested trees

TEST_F(LsmTest, ATreeThatIsOffIsNotGuarded) {
  const auto inner = make_directory_as_owner("tree/inner");
  tag(inner, kOwner, kTreeActionOff);
  EXPECT_EQ(make("inner/new"), 0);
  EXPECT_EQ(counters(), LsmCounters{});
  EXPECT_EQ(make("new"), EPERM);
}

TEST_F(LsmTest, TheSameTreeNumberTwiceIsOneTree) {
  make_file_as_owner(tree_, "own", "");
  auto terms = tag_for(kOwner, kTreeActionDeny, kOwnershipBit | kDeleteBit);
  terms.tree = 5;
  const auto inner = make_directory_as_owner("tree/inner");
  tag(tree_, terms);
  tag(inner, terms);
  EXPECT_EQ(errno_of(::rename("/mnt/tree/own", "/mnt/tree/inner/own")), 0);
  terms.tree = 6;
  tag(inner, terms);
  EXPECT_EQ(errno_of(::rename("/mnt/tree/inner/own", "/mnt/tree/own")), EPERM);
}

// ---- objects whose tree cannot be found

// The source of a rename matters less than its target.
TEST_F(LsmTest, ARenameFromTooDeepIsJudgedAtItsTarget) {
  fs::path deep = "outside";
  for (int depth = 0; depth < kWalkLimit; ++depth) deep /= "d";
  const auto last = make_directory(deep, kOwner);
  make_file(last, "file", "");
  EXPECT_EQ(errno_of(::renameat(last.get(), "file", tree_.get(), "file")), EPERM);
  EXPECT_EQ(errno_of(::linkat(last.get(), "file", tree_.get(), "file", 0)), EPERM);
  EXPECT_EQ(counters().denied, 2U);
  const auto before = counters().unknown;
  EXPECT_EQ(errno_of(::renameat(last.get(), "file", outside_.get(), "file")), 0);
  EXPECT_EQ(counters().unknown, before + 1);
}

class LsmDisconnected : public LsmOnEveryFs {};
GUARD_ON_EVERY_FS(LsmDisconnected);

// Only its inode is in memory, not its name.
TEST_P(LsmDisconnected, AFileWithoutAKnownPathIsPermittedAndCounted) {
  if (GetParam() == test::FsType::kTmpfs) GTEST_SKIP() << "names on tmpfs are always in memory";
  (void)make_directory_as_owner("tree/dir");
  make_file_as_owner(tree_, "dir/own", "content");
  tag(tree_, kOwner, kTreeActionDeny, kContentBit);
  const Fd mount = open_directory("/mnt");
  struct {
    file_handle head;
    unsigned char bytes[MAX_HANDLE_SZ];
  } handle{};
  handle.head.handle_bytes = MAX_HANDLE_SZ;
  int number = 0;
  ASSERT_EQ(::name_to_handle_at(tree_.get(), "dir/own", &handle.head, &number, 0), 0);
  ::sync();
  std::ofstream("/proc/sys/vm/drop_caches") << "2" << std::flush;
  const Fd file(::open_by_handle_at(mount.get(), &handle.head, O_WRONLY | O_CLOEXEC));
  EXPECT_TRUE(file);
  EXPECT_EQ(counters().unknown, 1U);
  EXPECT_EQ(counters().denied, 0U);
}

TEST_P(LsmDisconnected, AFileWithAKnownPathIsDenied) {
  make_file_as_owner(tree_, "own", "content");
  tag(tree_, kOwner, kTreeActionDeny, kContentBit);
  const Fd mount = open_directory("/mnt");
  struct {
    file_handle head;
    unsigned char bytes[MAX_HANDLE_SZ];
  } handle{};
  handle.head.handle_bytes = MAX_HANDLE_SZ;
  int number = 0;
  ASSERT_EQ(::name_to_handle_at(tree_.get(), "own", &handle.head, &number, 0), 0);
  EXPECT_EQ(
      errno_of(Fd(::open_by_handle_at(mount.get(), &handle.head, O_WRONLY | O_CLOEXEC)).get()),
      EPERM);
}

// ---- mounts

class LsmMounts : public LsmTest {
 protected:
  void SetUp() override {
    LsmTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    (void)make_directory_as_owner("tree/point");
    (void)take_events();
  }
  static int mount_new(const char* where) {
    return errno_of(::mount("over", where, "tmpfs", 0, nullptr));
  }
  static int mount_bind(const char* where) {
    return errno_of(::mount("/mnt/source", where, nullptr, MS_BIND, nullptr));
  }
  static int mount_moved(const char* where) {
    const Fd clone(static_cast<int>(
        ::syscall(SYS_open_tree, AT_FDCWD, "/mnt/source", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
    return errno_of(
        ::syscall(SYS_move_mount, clone.get(), "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH));
  }
  static constexpr int (*kWays[])(const char*) = {mount_new, mount_bind, mount_moved};
};

TEST_F(LsmMounts, AreDeniedInTheTree) {
  for (const auto way : kWays) {
    EXPECT_EQ(way("/mnt/tree/point"), EPERM);
    EXPECT_EQ(way("/mnt/tree"), EPERM);
    EXPECT_EQ(way("/mnt/outside"), 0);
    EXPECT_EQ(::umount("/mnt/outside"), 0);
  }
  EXPECT_EQ(counters().denied, 6U);
}

TEST_F(LsmMounts, AndUnmountsAreReportedUnderLog) {
  tag(tree_, kOwner, kTreeActionLog);
  EXPECT_EQ(mount_new("/mnt/tree/point"), 0);
  auto events = take_events().events;
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].what.operation, static_cast<std::uint32_t>(kEventMount));
  EXPECT_EQ(events[0].path, "point");
  EXPECT_EQ(::umount("/mnt/tree/point"), 0);
  events = take_events().events;
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].what.operation, static_cast<std::uint32_t>(kEventMount));
}

TEST_F(LsmMounts, CanAlwaysBeUnmounted) {
  untag(tree_);
  for (const auto way : kWays) ASSERT_EQ(way("/mnt/tree/point"), 0);
  tag(tree_, kOwner, kTreeActionDeny, kEveryGuard);
  for (std::size_t i = 0; i < std::size(kWays); ++i) EXPECT_EQ(::umount("/mnt/tree/point"), 0);
  EXPECT_EQ(counters().denied, 0U);
}

TEST_F(LsmMounts, CanBeRemounted) {
  untag(tree_);
  ASSERT_EQ(mount_bind("/mnt/tree/point"), 0);
  tag(tree_, kOwner, kTreeActionDeny, kEveryGuard);
  EXPECT_EQ(errno_of(::mount(nullptr, "/mnt/tree/point", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY,
                             nullptr)),
            0);
  EXPECT_EQ(errno_of(::mount(nullptr, "/mnt/tree/point", nullptr, MS_PRIVATE, nullptr)), 0);
  EXPECT_EQ(::umount("/mnt/tree/point"), 0);
}

// A mounted root is in no tree, unless it is tagged itself.
TEST_F(LsmMounts, AreTreesOfTheirOwn) {
  untag(tree_);
  ASSERT_EQ(mount_new("/mnt/tree/point"), 0);
  tag(tree_, kOwner);
  EXPECT_EQ(make("point/new"), 0);
  const auto mounted = open_directory("/mnt/tree/point");
  tag(mounted, kOwner);
  EXPECT_EQ(make("point/newer"), EPERM);
  EXPECT_EQ(::umount2("/mnt/tree/point", MNT_DETACH), 0);
}

}  // namespace
}  // namespace guard
