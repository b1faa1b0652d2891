// The guard of ownership: no object enters the tree, or gets an owner, group or mode, that violates
// the policy; and a denied operation leaves no trace.
#include <linux/fs.h>
#include <sys/syscall.h>

#include "tests/root/uring.h"
#include "tests/vm/lsm_fixture.h"
#include "tests/vm/operations.h"

namespace guard {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

class LsmOwnership : public LsmOnEveryFs {};
GUARD_ON_EVERY_FS(LsmOwnership);

TEST_P(LsmOwnership, EveryWayInIsDeniedAndLeavesNothing) {
  make_file(source_, "file", "of root");
  for (const auto& operation : operations()) {
    const auto before = state_of(source_, "file");
    const auto directory = state_of(source_, "dir");
    EXPECT_EQ(operation.run(tree_.get(), source_.get()), EPERM) << operation.name;
    EXPECT_THAT(names(tree_), IsEmpty()) << operation.name;
    EXPECT_EQ(state_of(source_, "file"), before) << operation.name;
    EXPECT_EQ(state_of(source_, "dir"), directory) << operation.name;
  }
}

TEST_P(LsmOwnership, IoUringIsDeniedToo) {
  test::Uring uring;
  ASSERT_TRUE(uring.works());
  EXPECT_EQ(uring.openat("/mnt/tree/new", O_CREAT | O_WRONLY, 0600), -EPERM);
  EXPECT_EQ(uring.mkdirat("/mnt/tree/new", 0700), -EPERM);
  EXPECT_EQ(uring.renameat("/mnt/source/file", "/mnt/tree/new"), -EPERM);
  EXPECT_THAT(names(tree_), IsEmpty());
  EXPECT_GE(uring.openat("/mnt/outside/new", O_CREAT | O_WRONLY, 0600), 0);
}

TEST_P(LsmOwnership, LinksOutAreDeniedToAllButTheOwner) {
  make_file_as_owner(tree_, "own", "");
  EXPECT_EQ(errno_of(::linkat(tree_.get(), "own", outside_.get(), "link", 0)), EPERM);
  EXPECT_THAT(names(outside_), IsEmpty());
  EXPECT_EQ(counters().denied, 1U);
  const ActingAs owner(kOwner);
  EXPECT_EQ(errno_of(::linkat(tree_.get(), "own", outside_.get(), "link", 0)), 0);
}

TEST_P(LsmOwnership, ObjectsOfTheOwnerMayBeLinkedWithinTheTree) {
  untag(tree_);
  make_file(tree_, "roots", "");
  tag(tree_, kOwner);
  make_file_as_owner(tree_, "own", "");
  EXPECT_EQ(errno_of(::linkat(tree_.get(), "own", tree_.get(), "link", 0)), 0);
  EXPECT_EQ(errno_of(::linkat(tree_.get(), "roots", tree_.get(), "other", 0)), EPERM);
  EXPECT_THAT(names(tree_), UnorderedElementsAre("roots", "own", "link"));
}

TEST_P(LsmOwnership, TheTargetOfADeniedRenameIsUnchanged) {
  make_file_as_owner(tree_, "own", "content");
  make_file(source_, "file", "of root");
  const auto before = state_of(tree_, "own");
  const auto file = state_of(source_, "file");
  EXPECT_EQ(errno_of(::renameat(source_.get(), "file", tree_.get(), "own")), EPERM);
  EXPECT_EQ(errno_of(::renameat2(source_.get(), "file", tree_.get(), "own", RENAME_EXCHANGE)),
            EPERM);
  EXPECT_EQ(errno_of(::renameat2(tree_.get(), "own", source_.get(), "file", RENAME_EXCHANGE)),
            EPERM);
  EXPECT_EQ(state_of(tree_, "own"), before);
  EXPECT_EQ(state_of(source_, "file"), file);
}

TEST_P(LsmOwnership, ObjectsOfTheOwnerMayBeExchangedWithinTheTree) {
  make_file_as_owner(tree_, "a", "a");
  make_file_as_owner(tree_, "b", "b");
  EXPECT_EQ(errno_of(::renameat2(tree_.get(), "a", tree_.get(), "b", RENAME_EXCHANGE)), 0);
  EXPECT_EQ(counters(), LsmCounters{});
}

TEST_P(LsmOwnership, ARenameWithAWhiteoutIsDenied) {
  EXPECT_EQ(errno_of(::renameat2(source_.get(), "file", tree_.get(), "new", RENAME_WHITEOUT)),
            EPERM);
  EXPECT_THAT(names(tree_), IsEmpty());
  EXPECT_THAT(names(source_), UnorderedElementsAre("file", "dir"));
}

// Only the delete guard covers it.
TEST_P(LsmOwnership, MovingOutIsPermitted) {
  make_file_as_owner(tree_, "own", "");
  EXPECT_EQ(errno_of(::renameat(tree_.get(), "own", outside_.get(), "own")), 0);
  EXPECT_EQ(counters(), LsmCounters{});
}

TEST_P(LsmOwnership, ChangingTheOwnerIsDenied) {
  make_file_as_owner(tree_, "own", "content");
  const auto before = state_of(tree_, "own");
  const Fd file(::openat(tree_.get(), "own", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(errno_of(::fchownat(tree_.get(), "own", 0, kOwner, 0)), EPERM);
  EXPECT_EQ(errno_of(::fchownat(tree_.get(), "own", kOwner, 0, 0)), EPERM);
  EXPECT_EQ(errno_of(::fchown(file.get(), 0, 0)), EPERM);
  EXPECT_EQ(state_of(tree_, "own"), before);
  EXPECT_EQ(counters().denied, 3U);
}

TEST_P(LsmOwnership, ChangingToTheWantedOwnerIsPermitted) {
  untag(tree_);
  make_file(tree_, "roots", "");
  tag(tree_, kOwner);
  EXPECT_EQ(errno_of(::fchownat(tree_.get(), "roots", kOwner, kOwner, 0)), 0);
  EXPECT_EQ(counters(), LsmCounters{});
}

// chown clears the setuid bit, which is no request for that mode.
TEST_P(LsmOwnership, ASetuidFileMayBeGivenToTheOwner) {
  untag(tree_);
  make_file(tree_, "roots", "");
  ASSERT_EQ(::fchmodat(tree_.get(), "roots", 06755, 0), 0);
  auto wanted = tag_for(kOwner);
  wanted.terms.file_mode = 0640;
  tag(tree_, wanted);
  EXPECT_EQ(errno_of(::fchownat(tree_.get(), "roots", kOwner, kOwner, 0)), 0);
  EXPECT_EQ(counters(), LsmCounters{});
}

TEST_P(LsmOwnership, OnlyTheWantedModesCanBeSet) {
  make_file_as_owner(tree_, "own", "content");
  (void)make_directory_as_owner("tree/dir");
  auto wanted = tag_for(kOwner);
  wanted.terms.file_mode = 0640;
  wanted.terms.dir_mode = 0750;
  tag(tree_, wanted);
  const auto before = state_of(tree_, "own");
  EXPECT_EQ(errno_of(::fchmodat(tree_.get(), "own", 0644, 0)), EPERM);
  EXPECT_EQ(errno_of(::fchmodat(tree_.get(), "own", 04640, 0)), EPERM);
  EXPECT_EQ(state_of(tree_, "own"), before);
  EXPECT_EQ(errno_of(::fchmodat(tree_.get(), "dir", 0755, 0)), EPERM);
  EXPECT_EQ(errno_of(::fchmodat(tree_.get(), "own", 0640, 0)), 0);
  EXPECT_EQ(errno_of(::fchmodat(tree_.get(), "dir", 0750, 0)), 0);
  EXPECT_EQ(counters().denied, 3U);
  const ActingAs owner(kOwner);
  EXPECT_EQ(errno_of(::fchmodat(tree_.get(), "own", 0600, 0)), 0);
}

TEST_P(LsmOwnership, AnyModeMayBeSetIfNoneIsWanted) {
  make_file_as_owner(tree_, "own", "content");
  EXPECT_EQ(errno_of(::fchmodat(tree_.get(), "own", 0755, 0)), 0);
  EXPECT_EQ(counters(), LsmCounters{});
}

// As in policy/judge: the object would violate the policy, whoever its owner is.
TEST_P(LsmOwnership, ObjectsThatEnterMustHaveTheWantedMode) {
  auto wanted = tag_for(kOwner);
  wanted.terms.file_mode = 0640;
  tag(tree_, wanted);
  make_file_as_owner(outside_, "own", "");
  EXPECT_EQ(errno_of(::renameat(outside_.get(), "own", tree_.get(), "own")), EPERM);
  EXPECT_EQ(errno_of(::linkat(outside_.get(), "own", tree_.get(), "own", 0)), EPERM);
  ASSERT_EQ(::fchmodat(outside_.get(), "own", 0640, 0), 0);
  EXPECT_EQ(errno_of(::linkat(outside_.get(), "own", tree_.get(), "link", 0)), 0);
  EXPECT_EQ(errno_of(::renameat(outside_.get(), "own", tree_.get(), "own")), 0);
}

TEST_P(LsmOwnership, OtherOperationsArePermitted) {
  make_file_as_owner(tree_, "own", "content");
  EXPECT_TRUE(Fd(::openat(tree_.get(), "own", O_RDWR | O_TRUNC | O_CLOEXEC)));
  EXPECT_EQ(errno_of(::utimensat(tree_.get(), "own", nullptr, 0)), 0);
  EXPECT_EQ(errno_of(::unlinkat(tree_.get(), "own", 0)), 0);
  EXPECT_EQ(counters(), LsmCounters{});
}

}  // namespace
}  // namespace guard
