// The events that guardd receives: each operation with its process, object and path; repetitions as
// a number; lost events as a count.
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/xattr.h>

#include <chrono>
#include <functional>
#include <numeric>
#include <thread>

#include "tests/vm/lsm_fixture.h"

namespace guard {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// An operation in the directory "in" of the tree, which has an empty file "own" and a directory
// "dir", both the owner's.
struct Act {
  const char* name;
  EventKind operation;
  GuardKind guard;
  EventAnswer answer;
  const char* path;
  bool exists;  // the object, before the operation
  std::function<int(int in, int source)> run;
};

std::ostream& operator<<(std::ostream& out, const Act& act) {
  return out << act.name;
}

int close_of(int fd) {
  const Fd closed(fd);
  return errno_of(fd);
}

std::vector<Act> acts() {
  return {
      {"create", kEventCreate, kGuardOwnership, kAnswerNone, "in/new", false,
       [](int in, int) { return close_of(::openat(in, "new", O_CREAT | O_WRONLY, 0600)); }},
      {"mkdir", kEventMkdir, kGuardOwnership, kAnswerNone, "in/new", false,
       [](int in, int) { return errno_of(::mkdirat(in, "new", 0700)); }},
      {"mknod", kEventMknod, kGuardOwnership, kAnswerNone, "in/new", false,
       [](int in, int) { return errno_of(::mknodat(in, "new", S_IFIFO | 0600, 0)); }},
      {"symlink", kEventSymlink, kGuardOwnership, kAnswerNone, "in/new", false,
       [](int in, int) { return errno_of(::symlinkat("target", in, "new")); }},
      {"link", kEventLink, kGuardOwnership, kAnswerNone, "in/new", true,
       [](int in, int source) { return errno_of(::linkat(source, "file", in, "new", 0)); }},
      {"link_out", kEventLink, kGuardOwnership, kAnswerLogged, "in/own", true,
       [](int in, int source) { return errno_of(::linkat(in, "own", source, "new", 0)); }},
      {"rename", kEventRename, kGuardOwnership, kAnswerNone, "in/new", true,
       [](int in, int source) { return errno_of(::renameat(source, "file", in, "new")); }},
      {"rename_out", kEventRename, kGuardDelete, kAnswerLogged, "in/own", true,
       [](int in, int source) { return errno_of(::renameat(in, "own", source, "new")); }},
      {"chown", kEventChown, kGuardOwnership, kAnswerNone, "in/own", true,
       [](int in, int) { return errno_of(::fchownat(in, "own", 0, 0, 0)); }},
      {"chmod", kEventChmod, kGuardAttributes, kAnswerLogged, "in/own", true,
       [](int in, int) { return errno_of(::fchmodat(in, "own", 0600, 0)); }},
      {"write", kEventWrite, kGuardContent, kAnswerLogged, "in/own", true,
       [](int in, int) { return close_of(::openat(in, "own", O_WRONLY)); }},
      {"truncate_at_open", kEventTruncate, kGuardContent, kAnswerLogged, "in/own", true,
       [](int in, int) { return close_of(::openat(in, "own", O_RDONLY | O_TRUNC)); }},
      {"truncate", kEventTruncate, kGuardContent, kAnswerLogged, "in/own", true,
       [](int, int) { return errno_of(::truncate("/mnt/tree/in/own", 3)); }},
      {"unlink", kEventUnlink, kGuardDelete, kAnswerLogged, "in/own", true,
       [](int in, int) { return errno_of(::unlinkat(in, "own", 0)); }},
      {"rmdir", kEventRmdir, kGuardDelete, kAnswerLogged, "in/dir", true,
       [](int in, int) { return errno_of(::unlinkat(in, "dir", AT_REMOVEDIR)); }},
      {"setxattr", kEventSetxattr, kGuardAttributes, kAnswerLogged, "in/own", true,
       [](int, int) { return errno_of(::setxattr("/mnt/tree/in/own", "trusted.new", "v", 1, 0)); }},
      {"removexattr", kEventRemovexattr, kGuardAttributes, kAnswerLogged, "in/own", true,
       [](int, int) { return errno_of(::removexattr("/mnt/tree/in/own", "trusted.before")); }},
      {"setflags", kEventSetflags, kGuardAttributes, kAnswerLogged, "in/dir", true,
       [](int in, int) {
         const Fd directory(::openat(in, "dir", O_RDONLY | O_DIRECTORY));
         int flags = 0;
         (void)::ioctl(directory.get(), FS_IOC_GETFLAGS, &flags);
         return errno_of(::ioctl(directory.get(), FS_IOC_SETFLAGS, &flags));
       }},
      {"mount", kEventMount, kGuardOwnership, kAnswerNone, "in/dir", true,
       [](int, int) {
         return errno_of(::mount("over", "/mnt/tree/in/dir", "tmpfs", 0, nullptr)) +
                errno_of(::umount2("/mnt/tree/in/dir", MNT_DETACH));
       }},
      {"read", kEventRead, kGuardRead, kAnswerLogged, "in/own", true,
       [](int in, int) { return close_of(::openat(in, "own", O_RDONLY)); }},
  };
}

class LsmReports : public LsmTest, public testing::WithParamInterface<Act> {
 protected:
  void SetUp() override {
    LsmTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    in_ = make_directory_as_owner("tree/in");
    (void)make_directory_as_owner("tree/in/dir");
    make_file_as_owner(in_, "own", "");
    ASSERT_EQ(::setxattr("/mnt/tree/in/own", "trusted.before", "v", 1, 0), 0);
    (void)take_events();
  }

  void expect_reported(TreeAction action) {
    const auto& act = GetParam();
    // Some of the other operations read the file, too.
    const auto guards = act.guard == kGuardRead ? kReadBit : kEveryGuard & ~kReadBit;
    auto wanted = tag_for(kOwner, action, guards);
    wanted.tree = 77;
    tag(tree_, wanted);
    const bool enters = act.exists && std::string_view(act.path) == "in/new";
    const auto object = !act.exists ? 0
                        : enters    ? number_of(source_, "file")
                                    : number_of(in_, act.path + 3);
    ASSERT_EQ(act.run(in_.get(), source_.get()), 0);
    EXPECT_EQ(counters().denied, 0U);
    // Linux 7 asks twice about an ioctl.
    EXPECT_EQ(counters().passed == 2 && act.operation == kEventSetflags ? 1 : counters().passed,
              1U);
    const auto log = take_events();
    ASSERT_FALSE(log.events.empty());
    const auto& event = log.events[0];
    EXPECT_EQ(event.what.operation, static_cast<std::uint32_t>(act.operation)) << event;
    EXPECT_EQ(event.what.guard, static_cast<std::uint32_t>(act.guard)) << event;
    EXPECT_EQ(event.what.answer, static_cast<std::uint32_t>(act.answer)) << event;
    EXPECT_EQ(event.path, act.path);
    EXPECT_TRUE(event.is_whole);
    EXPECT_EQ(event.what.tree, 77U);
    EXPECT_EQ(event.what.object.inode, object);
    EXPECT_EQ(event.what.process.fsuid, 0U);
    EXPECT_EQ(event.what.process.pid, ::getpid());
  }

  Fd in_;
};

INSTANTIATE_TEST_SUITE_P(Of, LsmReports, testing::ValuesIn(acts()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(LsmReports, AnOperationUnderLog) {
  expect_reported(kTreeActionLog);
}

TEST_P(LsmReports, AnOperationUnderFix) {
  expect_reported(kTreeActionFix);
}

TEST_P(LsmReports, ADenial) {
  const auto guards = GetParam().guard == kGuardRead ? kReadBit : kEveryGuard & ~kReadBit;
  tag(tree_, kOwner, kTreeActionDeny, guards);
  EXPECT_NE(GetParam().run(in_.get(), source_.get()), 0);
  EXPECT_EQ(counters().denied, 1U);
  EXPECT_EQ(counters().passed, 0U);
  const auto log = take_events();
  ASSERT_FALSE(log.events.empty());
  EXPECT_EQ(log.events[0].what.answer, static_cast<std::uint32_t>(kAnswerDenied));
  EXPECT_EQ(log.events[0].what.operation, static_cast<std::uint32_t>(GetParam().operation));
  EXPECT_EQ(log.events[0].path, GetParam().path);
}

// ---- other fields of a record

// With its name, before it exists, and then again with its inode.
TEST_F(LsmTest, ANewObjectIsReportedWithItsInode) {
  tag(tree_, kOwner, kTreeActionLog);
  for (const auto& act : acts()) {
    if (act.exists) continue;
    ASSERT_EQ(act.run(tree_.get(), source_.get()), 0) << act.name;
    const auto log = take_events();
    ASSERT_THAT(log.events, SizeIs(2)) << act.name;
    EXPECT_EQ(log.events[0].what.object.inode, 0U) << act.name;
    EXPECT_EQ(log.events[1].what.object.inode, number_of(tree_, "new")) << act.name;
    EXPECT_EQ(log.events[1].what.operation, log.events[0].what.operation) << act.name;
    EXPECT_EQ(log.events[1].path, "new") << act.name;
    ASSERT_EQ(::rename("/mnt/tree/new", (std::string("/mnt/outside/") + act.name).c_str()), 0);
    (void)take_events();
  }
}

TEST_F(LsmTest, AViolationHasTheSizeAndTheTimesOfItsObject) {
  make_file_as_owner(tree_, "own", "12345");
  const timespec modified[] = {{1, 0}, {1'795'183'387, 250'000'001}};
  {
    const ActingAs owner(kOwner);
    ASSERT_EQ(::utimensat(tree_.get(), "own", modified, 0), 0);
  }
  struct stat now {};
  ASSERT_EQ(::fstatat(tree_.get(), "own", &now, 0), 0);
  tag(tree_, kOwner, kTreeActionDeny, kEveryGuard);
  ASSERT_NE(::unlinkat(tree_.get(), "own", 0), 0);
  const auto log = take_events();
  ASSERT_FALSE(log.events.empty());
  const auto& record = log.events.back().what;
  EXPECT_EQ(record.answer, static_cast<std::uint32_t>(kAnswerDenied));
  EXPECT_EQ(record.size, 5U);
  EXPECT_EQ(record.modified, 1'795'183'387'250'000'001);
  EXPECT_EQ(record.changed, now.st_ctim.tv_sec * 1'000'000'000 + now.st_ctim.tv_nsec);
}

TEST_F(LsmTest, AMovedDirectoryIsReportedWithBothPaths) {
  (void)make_directory_as_owner("tree/a/b");
  (void)make_directory_as_owner("tree/c");
  (void)take_events();
  ASSERT_EQ(::rename("/mnt/tree/a/b", "/mnt/tree/c/d"), 0);
  const auto log = take_events();
  ASSERT_THAT(log.events, SizeIs(1));
  EXPECT_EQ(log.events[0].path, "c/d");
  EXPECT_EQ(log.events[0].old_path, "a/b");
  EXPECT_EQ(log.events[0].what.flags, static_cast<std::uint32_t>(kFlagWithinTree));
}

TEST_F(LsmTest, ObjectsOfOthersThatTheOwnerBringsInAreReported) {
  const ActingAs owner(kOwner);
  ASSERT_EQ(::renameat(source_.get(), "file", tree_.get(), "file"), 0);
  const auto log = take_events();
  ASSERT_THAT(log.events, SizeIs(1));
  EXPECT_EQ(log.events[0].what.flags, static_cast<std::uint32_t>(kFlagByOwner | kFlagIntoTree));
  EXPECT_EQ(log.events[0].what.answer, static_cast<std::uint32_t>(kAnswerNone));
}

TEST_F(LsmTest, DeepAndLongPathsAreReportedInFull) {
  tag(tree_, kOwner, kTreeActionLog);
  fs::path path;
  for (int depth = 0; depth < 60; ++depth) path /= "directory-" + std::to_string(depth);
  const auto deep = make_directory_as_owner("tree" / path);
  const std::string longest = std::string(254, 'n') + '\xff';
  ASSERT_EQ(::mkdirat(deep.get(), longest.c_str(), 0700), 0);
  const auto log = take_events();
  ASSERT_THAT(log.events, SizeIs(2));
  for (const auto& event : log.events) {
    EXPECT_EQ(event.path, (path / longest).string());
    EXPECT_TRUE(event.is_whole);
  }
}

TEST_F(LsmTest, TheLastNamesOfATooLongPathAreReported) {
  tag(tree_, kOwner, kTreeActionLog);
  auto deep = open_directory("/mnt/tree");
  {
    const ActingAs owner(kOwner);
    const std::string long_name(200, 'd');
    for (int depth = 0; depth < 40; ++depth) {
      ASSERT_EQ(::mkdirat(deep.get(), long_name.c_str(), 0755), 0);
      deep = Fd(::openat(deep.get(), long_name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      ASSERT_TRUE(deep);
    }
  }
  ASSERT_EQ(::mkdirat(deep.get(), "new", 0700), 0);
  const auto log = take_events();
  ASSERT_THAT(log.events, SizeIs(2));
  for (const auto& event : log.events) {
    EXPECT_FALSE(event.is_whole);
    EXPECT_GE(event.path.size(), 4000U);
    EXPECT_TRUE(event.path.ends_with("ddd/new"));
  }
}

// ---- closing files

std::vector<CloseRecord> wait_for_closes(const std::function<EventLog()>& take_events) {
  std::vector<CloseRecord> all;
  for (int tries = 0; tries < 50 && all.empty(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    for (const auto& one : take_events().closes) all.push_back(one);
  }
  return all;
}

TEST_F(LsmTest, TheLastCloseOfAnAwaitedFileIsReported) {
  tag(tree_, kOwner, kTreeActionLog);
  Fd file(::openat(tree_.get(), "new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  lsm_->await_closing({number_of(tree_, "new"), inode_of(tree_).device, 0}, 78);
  Fd again(::dup(file.get()));
  EXPECT_EQ(in_child([&] { return ::write(file.get(), "x", 1) == 1 ? 0 : 1; }), 0);
  file.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_THAT(take_events().closes, IsEmpty());
  again.reset();
  const auto closes = wait_for_closes([&] { return take_events(); });
  ASSERT_THAT(closes, SizeIs(1));
  EXPECT_EQ(closes[0].inode, number_of(tree_, "new"));
  EXPECT_EQ(closes[0].tree, 78U);
  // Only that one.
  { const Fd once_more(::openat(tree_.get(), "new", O_WRONLY | O_CLOEXEC)); }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_THAT(take_events().closes, IsEmpty());
}

TEST_F(LsmTest, ClosesOfReadersAndOfOtherFilesAreNotReported) {
  tag(tree_, kOwner, kTreeActionLog);
  make_file(tree_, "new", "");
  lsm_->await_closing({number_of(tree_, "new"), inode_of(tree_).device, 0}, 78);
  { const Fd file(::openat(tree_.get(), "new", O_RDONLY | O_CLOEXEC)); }
  make_file(tree_, "other", "x");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_THAT(take_events().closes, IsEmpty());
}

// ---- many events

TEST_F(LsmTest, RepeatedDenialsAreFolded) {
  make_file_as_owner(tree_, "own", "");
  tag(tree_, kOwner, kTreeActionDeny, kContentBit);
  constexpr std::uint64_t kTimes = 10'000;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < kTimes; ++i)
    ASSERT_EQ(errno_of(Fd(::openat(tree_.get(), "own", O_WRONLY | O_CLOEXEC)).get()), EPERM);
  const auto took =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin);
  auto events = take_events().events;
  EXPECT_EQ(counters().denied, kTimes);
  EXPECT_EQ(counters().folded + events.size(), kTimes);
  EXPECT_LE(events.size(), static_cast<std::size_t>(took.count()) + 2);
  // The next one has the number of repetitions.
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  ASSERT_FALSE(Fd(::openat(tree_.get(), "own", O_WRONLY | O_CLOEXEC)));
  for (const auto& one : take_events().events) events.push_back(one);
  const auto repeats = std::accumulate(
      events.begin(), events.end(), std::uint64_t{0},
      [](std::uint64_t sum, const ReportedEvent& one) { return sum + one.what.repeats; });
  EXPECT_EQ(repeats, counters().folded);
}

class LsmFolds : public LsmOnEveryFs {};
GUARD_ON_EVERY_FS(LsmFolds);

// On ext4 it has the inode number of the previous one.
TEST_P(LsmFolds, ANewObjectIsNoRepetitionOfTheLast) {
  tag(tree_, kOwner, kTreeActionLog, kDeleteBit);
  for (const char* name : {"a", "b", "c"}) {
    make_file(tree_, name, "");
    ASSERT_EQ(::unlinkat(tree_.get(), name, 0), 0);
  }
  EXPECT_THAT(take_events().events, SizeIs(3));
  EXPECT_EQ(counters().folded, 0U);
}

TEST_F(LsmTest, AnotherObjectIsNoRepetition) {
  for (const char* name : {"a", "b"}) make_file_as_owner(tree_, name, "");
  tag(tree_, kOwner, kTreeActionDeny, kContentBit);
  for (const char* name : {"a", "b", "a", "b"}) (void)Fd(::openat(tree_.get(), name, O_WRONLY));
  EXPECT_THAT(take_events().events, SizeIs(2));
  EXPECT_EQ(counters().folded, 2U);
}

TEST_F(LsmTest, ATurnEndsAfterTheWantedNumberOfEventsAndLosesNone) {
  tag(tree_, kOwner, kTreeActionLog);
  for (int i = 0; i < 5; ++i)  // two events each
    ASSERT_EQ(::mkdirat(tree_.get(), std::to_string(i).c_str(), 0700), 0);
  Recorder recorder;
  pollfd ring{lsm_->fd(), POLLIN, 0};
  EXPECT_TRUE(lsm_->dispatch(recorder, 4));
  EXPECT_THAT(recorder.log.events, SizeIs(4));
  EXPECT_EQ(::poll(&ring, 1, 0), 1);
  EXPECT_TRUE(lsm_->dispatch(recorder, 4));
  EXPECT_THAT(recorder.log.events, SizeIs(8));
  EXPECT_FALSE(lsm_->dispatch(recorder, 4));
  EXPECT_EQ(::poll(&ring, 1, 0), 0);
  ASSERT_THAT(recorder.log.events, SizeIs(10));
  for (std::size_t i = 0; i < 10; ++i)
    EXPECT_EQ(recorder.log.events[i].path, std::to_string(i / 2));
}

TEST_F(LsmTest, EventsThatFindNoRoomAreCounted) {
  tag(tree_, kOwner, kTreeActionLog);
  (void)take_events();
  for (int i = 0; i < 6000; ++i)
    ASSERT_EQ(::mkdirat(tree_.get(), std::to_string(i).c_str(), 0700), 0);
  auto events = take_events().events;
  ASSERT_EQ(::mkdirat(tree_.get(), "last", 0700), 0);
  for (const auto& last : take_events().events) events.push_back(last);
  EXPECT_GT(counters().lost, 0U);
  EXPECT_EQ(events.size() + counters().lost, 2 * 6001U);
}

}  // namespace
}  // namespace guard
