// The guards of content, names, attributes and reading: each denies what it covers, to every user
// but the owner, and nothing else.
#include <linux/fs.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <cstring>

#include "tests/vm/lsm_fixture.h"

namespace guard {
namespace {

using testing::UnorderedElementsAre;

int open_as(const Fd& in, const char* name, int flags) {
  return errno_of(Fd(::openat(in.get(), name, flags | O_CLOEXEC)).get());
}

class LsmGuards : public LsmOnEveryFs {
 protected:
  void SetUp() override {
    LsmOnEveryFs::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    make_file_as_owner(tree_, "own", "content");
    own_directory_ = make_directory_as_owner("tree/dir");
    // For operations on a file that is already open.
    opened_ = Fd(::openat(tree_.get(), "own", O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(opened_);
    const char value = 'v';
    ASSERT_EQ(::fsetxattr(opened_.get(), "trusted.before", &value, 1, 0), 0);
  }

  // Tags the tree, and saves the state that must not change.
  void guard_by(std::uint32_t guards) {
    tag(tree_, kOwner, kTreeActionDeny, guards);
    before_ = state_of(tree_, "own");
  }
  void expect_denied(std::uint64_t times) {
    EXPECT_EQ(counters().denied, times);
    EXPECT_EQ(counters().passed, 0U);
    EXPECT_EQ(state_of(tree_, "own"), before_);
  }

  Fd opened_, own_directory_;
  std::string before_;
};
GUARD_ON_EVERY_FS(LsmGuards);

// ---- content

TEST_P(LsmGuards, OpeningForWritingIsDenied) {
  guard_by(kContentBit);
  EXPECT_EQ(open_as(tree_, "own", O_WRONLY), EPERM);
  EXPECT_EQ(open_as(tree_, "own", O_RDWR), EPERM);
  EXPECT_EQ(open_as(tree_, "own", O_WRONLY | O_APPEND), EPERM);
  EXPECT_EQ(open_as(tree_, "own", O_RDONLY | O_TRUNC), EPERM);
  EXPECT_EQ(open_as(tree_, "own", O_WRONLY | O_TRUNC), EPERM);
  EXPECT_EQ(open_as(tree_, "own", O_WRONLY | O_CREAT), EPERM);
  expect_denied(6);
}

TEST_P(LsmGuards, TruncatingIsDenied) {
  guard_by(kContentBit);
  EXPECT_EQ(errno_of(::truncate("/mnt/tree/own", 1)), EPERM);
  EXPECT_EQ(errno_of(::ftruncate(opened_.get(), 1)), EPERM);
  expect_denied(2);
}

TEST_P(LsmGuards, MappingForWritingIsDenied) {
  void* before = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, opened_.get(), 0);
  ASSERT_NE(before, MAP_FAILED);
  guard_by(kContentBit);
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, opened_.get(), 0),
            MAP_FAILED);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(errno_of(::mprotect(before, 4096, PROT_READ | PROT_WRITE)), EPERM);
  EXPECT_EQ(::munmap(before, 4096), 0);
  expect_denied(2);
}

TEST_P(LsmGuards, ReadersArePermitted) {
  guard_by(kContentBit);
  EXPECT_EQ(open_as(tree_, "own", O_RDONLY), 0);
  EXPECT_EQ(open_as(tree_, "own", O_PATH), 0);
  for (const int way : {MAP_SHARED, MAP_PRIVATE}) {
    void* map = ::mmap(nullptr, 4096, PROT_READ | (way == MAP_PRIVATE ? PROT_WRITE : 0), way,
                       opened_.get(), 0);
    EXPECT_NE(map, MAP_FAILED);
    EXPECT_EQ(::munmap(map, 4096), 0);
  }
  expect_denied(0);
}

TEST_P(LsmGuards, TheOwnerMayWrite) {
  guard_by(kContentBit);
  const ActingAs owner(kOwner);
  EXPECT_EQ(open_as(tree_, "own", O_WRONLY | O_TRUNC), 0);
  EXPECT_EQ(errno_of(::truncate("/mnt/tree/own", 1)), 0);
  EXPECT_EQ(counters(), LsmCounters{});
}

// ---- names

TEST_P(LsmGuards, DeletingAndMovingOutAreDenied) {
  guard_by(kDeleteBit);
  EXPECT_EQ(errno_of(::unlinkat(tree_.get(), "own", 0)), EPERM);
  EXPECT_EQ(errno_of(::unlinkat(tree_.get(), "dir", AT_REMOVEDIR)), EPERM);
  EXPECT_EQ(errno_of(::renameat(tree_.get(), "own", outside_.get(), "own")), EPERM);
  EXPECT_EQ(errno_of(::renameat(tree_.get(), "dir", outside_.get(), "dir")), EPERM);
  EXPECT_EQ(errno_of(::renameat2(outside_.get(), "x", tree_.get(), "own", RENAME_EXCHANGE)),
            ENOENT);
  EXPECT_THAT(names(tree_), UnorderedElementsAre("own", "dir"));
  expect_denied(4);
}

TEST_P(LsmGuards, ExchangingANameCountsAsDeleting) {
  guard_by(kDeleteBit);
  EXPECT_EQ(errno_of(::renameat2(source_.get(), "file", tree_.get(), "own", RENAME_EXCHANGE)),
            EPERM);
  expect_denied(1);
}

TEST_P(LsmGuards, ReplacingCountsAsDeleting) {
  make_file_as_owner(tree_, "other", "");
  ASSERT_EQ(::fchownat(source_.get(), "file", kOwner, kOwner, 0), 0);
  (void)make_directory_as_owner("tree/empty");
  guard_by(kDeleteBit);
  EXPECT_EQ(errno_of(::renameat(tree_.get(), "other", tree_.get(), "own")), EPERM);
  EXPECT_EQ(errno_of(::renameat(source_.get(), "file", tree_.get(), "own")), EPERM);
  EXPECT_EQ(errno_of(::renameat(tree_.get(), "empty", tree_.get(), "dir")), EPERM);
  expect_denied(3);
  const auto events = take_events().events;
  ASSERT_THAT(events, testing::SizeIs(2));  // the second one repeats the first
  for (const auto& event : events)
    EXPECT_EQ(event.what.operation,
              static_cast<std::uint32_t>(event.path == "dir" ? kEventRmdir : kEventUnlink));
}

TEST_P(LsmGuards, ExchangingWithinTheTreeDeletesNothing) {
  make_file_as_owner(tree_, "other", "");
  guard_by(kDeleteBit);
  const auto exchange = [&] {
    return errno_of(::renameat2(tree_.get(), "other", tree_.get(), "own", RENAME_EXCHANGE));
  };
  EXPECT_EQ(exchange(), 0);
  EXPECT_EQ(counters(), LsmCounters{});
  // It does not count as one for ever.
  EXPECT_EQ(errno_of(::renameat(tree_.get(), "other", tree_.get(), "own")), EPERM);
  EXPECT_EQ(exchange(), 0);
}

TEST_P(LsmGuards, RenamingWithinTheTreeIsPermitted) {
  guard_by(kDeleteBit);
  EXPECT_EQ(errno_of(::renameat(tree_.get(), "own", tree_.get(), "dir/own")), 0);
  const ActingAs owner(kOwner);
  EXPECT_EQ(errno_of(::unlinkat(tree_.get(), "dir/own", 0)), 0);
  EXPECT_EQ(errno_of(::unlinkat(tree_.get(), "dir", AT_REMOVEDIR)), 0);
  EXPECT_EQ(counters(), LsmCounters{});
}

TEST_P(LsmGuards, TheTreeItselfCannotBeMovedOrRemoved) {
  guard_by(kDeleteBit);
  EXPECT_EQ(errno_of(::rename("/mnt/tree", "/mnt/elsewhere")), EPERM);
  const auto empty = make_directory("empty", kOwner);
  tag(empty, kOwner, kTreeActionDeny, kDeleteBit);
  EXPECT_EQ(errno_of(::rmdir("/mnt/empty")), EPERM);
}

// ---- attributes

std::string access_list() {
  constexpr std::uint32_t kNobody = 0xffffffff;
  struct {
    posix_acl_xattr_header header;
    posix_acl_xattr_entry entries[5];
  } list{{POSIX_ACL_XATTR_VERSION},
         {{ACL_USER_OBJ, 6, kNobody},
          {ACL_USER, 6, kOther},
          {ACL_GROUP_OBJ, 6, kNobody},
          {ACL_MASK, 6, kNobody},
          {ACL_OTHER, 6, kNobody}}};
  return {reinterpret_cast<const char*>(&list), sizeof list};
}

TEST_P(LsmGuards, ChangingAttributesIsDenied) {
  guard_by(kAttributesBit);
  EXPECT_EQ(errno_of(::fchmodat(tree_.get(), "own", 0600, 0)), EPERM);
  EXPECT_EQ(errno_of(::fchmod(opened_.get(), 0600)), EPERM);
  EXPECT_EQ(errno_of(::setxattr("/mnt/tree/own", "trusted.new", "v", 1, 0)), EPERM);
  EXPECT_EQ(errno_of(::removexattr("/mnt/tree/own", "trusted.before")), EPERM);
  char value[2];
  EXPECT_EQ(::getxattr("/mnt/tree/own", "trusted.before", value, sizeof value), 1);
  EXPECT_EQ(::getxattr("/mnt/tree/own", "trusted.new", value, sizeof value), -1);
  expect_denied(4);
}

TEST_P(LsmGuards, AclsAreAttributes) {
  const auto list = access_list();
  constexpr auto kName = "system.posix_acl_access";
  (void)make_directory_as_owner("tree/listed");
  ASSERT_EQ(::setxattr("/mnt/tree/listed", kName, list.data(), list.size(), 0), 0);
  guard_by(kAttributesBit);
  EXPECT_EQ(errno_of(::setxattr("/mnt/tree/own", kName, list.data(), list.size(), 0)), EPERM);
  EXPECT_EQ(errno_of(::removexattr("/mnt/tree/listed", kName)), EPERM);
  expect_denied(2);
  for (const auto& event : take_events().events) {
    EXPECT_EQ(event.what.operation, static_cast<std::uint32_t>(kEventSetacl));
    EXPECT_EQ(event.what.guard, static_cast<std::uint32_t>(kGuardAttributes));
  }
}

TEST_P(LsmGuards, FlagsAreAttributesEvenThroughAReadOnlyDescriptor) {
  const Fd reader(::openat(tree_.get(), "own", O_RDONLY | O_CLOEXEC));
  guard_by(kAttributesBit);
  long flags = FS_NODUMP_FL;
  EXPECT_EQ(errno_of(::ioctl(reader.get(), FS_IOC_SETFLAGS, &flags)), EPERM);
  fsxattr extended{};
  EXPECT_EQ(errno_of(::ioctl(reader.get(), FS_IOC_FSSETXATTR, &extended)), EPERM);
  expect_denied(2);
}

// file_setattr(2), Linux 6.17: the same by path. It changes nothing else, such as an owner or a
// mode.
TEST_P(LsmGuards, FlagsAreAttributesEvenWithoutADescriptor) {
  constexpr long kFileSetattr = 469;
  struct {
    std::uint64_t flags;
    std::uint32_t others[4];
  } attributes{};
  const auto set = [&] {
    return errno_of(static_cast<int>(
        ::syscall(kFileSetattr, tree_.get(), "own", &attributes, sizeof attributes, 0)));
  };
  if (const int failed = set(); failed != 0)
    GTEST_SKIP() << "not on this kernel or file system: " << std::strerror(failed);
  guard_by(kAttributesBit);
  EXPECT_EQ(set(), EPERM);
  expect_denied(1);
}

TEST_P(LsmGuards, TimesAndContentArePermitted) {
  guard_by(kAttributesBit);
  EXPECT_EQ(errno_of(::utimensat(tree_.get(), "own", nullptr, 0)), 0);
  EXPECT_EQ(open_as(tree_, "own", O_RDWR | O_TRUNC), 0);
  {
    const ActingAs owner(kOwner);
    EXPECT_EQ(errno_of(::fchmodat(tree_.get(), "own", 0600, 0)), 0);
  }
  EXPECT_EQ(counters(), LsmCounters{});
}

// overlayfs stores its own data in the upper directory.
TEST_P(LsmGuards, AttributesOfOverlayfsArePermitted) {
  guard_by(kAttributesBit);
  EXPECT_EQ(errno_of(::setxattr("/mnt/tree/own", "trusted.overlay.opaque", "y", 1, 0)), 0);
  EXPECT_EQ(counters(), LsmCounters{});
}

// ---- reading

TEST_P(LsmGuards, OpeningForReadingIsDenied) {
  guard_by(kReadBit);
  EXPECT_EQ(open_as(tree_, "own", O_RDONLY), EPERM);
  EXPECT_EQ(open_as(tree_, "own", O_RDWR), EPERM);
  expect_denied(2);
  for (const auto& event : take_events().events)
    EXPECT_EQ(event.what.operation, static_cast<std::uint32_t>(kEventRead));
}

TEST_P(LsmGuards, WritersAndTheOwnerArePermitted) {
  guard_by(kReadBit);
  EXPECT_EQ(open_as(tree_, "own", O_WRONLY), 0);
  EXPECT_EQ(open_as(tree_, "dir", O_RDONLY | O_DIRECTORY), 0);
  const ActingAs owner(kOwner);
  EXPECT_EQ(open_as(tree_, "own", O_RDONLY), 0);
  EXPECT_EQ(counters(), LsmCounters{});
}

}  // namespace
}  // namespace guard
