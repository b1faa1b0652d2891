// The LSM programs on a kernel that can run them. On other machines the tests are skipped, but not
// in the VM, where GUARD_KERNEL is set.
#include "tests/vm/lsm_fixture.h"
#include "tests/vm/operations.h"

namespace guard {
namespace {

using testing::IsEmpty;

class EveryOperation : public LsmTest, public testing::WithParamInterface<Operation> {
 protected:
  int run(const Fd& into) const { return GetParam().run(into.get(), source_.get()); }

  void expect_denied(const Fd& into) {
    const auto before = counters();
    EXPECT_EQ(run(into), EPERM);
    EXPECT_EQ(counters().denied, before.denied + 1);
    EXPECT_THAT(names(into), IsEmpty());
    EXPECT_THAT(names(source_), testing::UnorderedElementsAre("file", "dir"));
    struct stat file {};
    EXPECT_EQ(::fstatat(source_.get(), "file", &file, 0), 0);
    EXPECT_EQ(file.st_nlink, 1U);
  }
};

INSTANTIATE_TEST_SUITE_P(Lsm, EveryOperation, testing::ValuesIn(operations()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(EveryOperation, IsDeniedInTheTreeAndLeavesNothing) {
  expect_denied(tree_);
}

TEST_P(EveryOperation, IsDeniedDeepInTheTree) {
  expect_denied(make_directory_as_owner("tree/1/2/3/4/5/6/7/8/9"));
}

TEST_P(EveryOperation, IsDeniedThroughABindMount) {
  (void)make_directory("bound", 0);
  ASSERT_EQ(::mount("/mnt", "/mnt/bound", nullptr, MS_BIND, nullptr), 0);
  source_ = open_directory("/mnt/bound/source");
  expect_denied(open_directory("/mnt/bound/tree"));
}

TEST_P(EveryOperation, IsDeniedFromAnotherMountNamespace) {
  const auto before = counters();
  EXPECT_EQ(in_child([] {
              if (::unshare(CLONE_NEWNS) != 0) return 255;
              const Fd into = open_directory("/mnt/tree");
              const Fd source = open_directory("/mnt/source");
              return GetParam().run(into.get(), source.get());
            }),
            EPERM);
  EXPECT_EQ(counters().denied, before.denied + 1);
  EXPECT_THAT(names(tree_), IsEmpty());
}

TEST_P(EveryOperation, IsPermittedToTheOwner) {
  const ActingAs owner(kOwner);
  const bool is_roots = std::string_view(GetParam().name) == "mknod_character" ||
                        std::string_view(GetParam().name) == "mknod_block";
  EXPECT_EQ(run(tree_), is_roots ? EPERM : 0);
  EXPECT_EQ(counters(), LsmCounters{});
}

TEST_P(EveryOperation, IsPermittedOutside) {
  EXPECT_EQ(run(outside_), 0);
  EXPECT_EQ(counters(), LsmCounters{});
}

TEST_P(EveryOperation, PassesAndIsCountedUnderLog) {
  tag(tree_, kOwner, kTreeActionLog);
  EXPECT_EQ(run(tree_), 0);
  EXPECT_EQ(counters().passed, 1U);
  EXPECT_EQ(counters().denied, 0U);
}

TEST_P(EveryOperation, IsPermittedAfterUntagging) {
  expect_denied(tree_);
  untag(tree_);
  EXPECT_EQ(run(tree_), 0);
}

TEST_F(LsmTest, ThirdUsersAreDeniedToo) {
  ASSERT_EQ(::fchmod(tree_.get(), 0777), 0);
  const ActingAs other(kOther);
  EXPECT_EQ(::mkdirat(tree_.get(), "new", 0700), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST_F(LsmTest, TheRootOfTheTreeNeedNotBeVisible) {
  (void)make_directory_as_owner("tree/a/b");
  (void)make_directory("view", 0);
  ASSERT_EQ(::mount("/mnt/tree/a", "/mnt/view", nullptr, MS_BIND, nullptr), 0);
  EXPECT_EQ(::mkdir("/mnt/view/b/new", 0700), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST_F(LsmTest, ObjectsOfTheOwnerMayEnter) {
  ASSERT_EQ(::fchownat(source_.get(), "file", kOwner, kOwner, 0), 0);
  EXPECT_EQ(::linkat(source_.get(), "file", tree_.get(), "link", 0), 0);
  EXPECT_EQ(::renameat(source_.get(), "file", tree_.get(), "file"), 0);
  EXPECT_EQ(counters(), LsmCounters{});
}

// The owner of the object decides, as for everything that gets a name in the tree.
TEST_F(LsmTest, ObjectsOfTheOwnerMayMoveWithinTheTree) {
  untag(tree_);
  ASSERT_EQ(::mkdirat(tree_.get(), "roots", 0700), 0);
  tag(tree_, kOwner);
  (void)make_directory_as_owner("tree/own");
  (void)make_directory_as_owner("tree/to");
  EXPECT_EQ(::renameat(tree_.get(), "own", tree_.get(), "to/there"), 0);
  EXPECT_EQ(counters(), LsmCounters{});
  EXPECT_EQ(::renameat(tree_.get(), "roots", tree_.get(), "to/roots"), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST_F(LsmTest, ExchangingNamesIsDeniedInBothDirections) {
  (void)make_directory_as_owner("tree/own");
  for (const bool outwards : {true, false}) {
    const int from = outwards ? tree_.get() : source_.get();
    const int to = outwards ? source_.get() : tree_.get();
    EXPECT_EQ(
        ::renameat2(from, outwards ? "own" : "dir", to, outwards ? "dir" : "own", RENAME_EXCHANGE),
        -1);
    EXPECT_EQ(errno, EPERM);
  }
}

TEST_F(LsmTest, ANamelessFileCannotGetANameInTheTree) {
  const Fd file(::openat(tree_.get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  ASSERT_TRUE(file);
  EXPECT_EQ(::linkat(file.get(), "", tree_.get(), "new", AT_EMPTY_PATH), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_THAT(names(tree_), IsEmpty());
}

TEST_F(LsmTest, TheNearestTreeDecides) {
  untag(tree_);
  const auto inner = make_directory("tree/inner", kOther);
  tag(tree_, kOwner);
  tag(inner, kOther);
  {
    const ActingAs other(kOther);
    EXPECT_EQ(::mkdirat(inner.get(), "new", 0700), 0);
  }
  ASSERT_EQ(::fchmod(inner.get(), 0777), 0);
  const ActingAs owner(kOwner);
  EXPECT_EQ(::mkdirat(inner.get(), "newer", 0700), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST_F(LsmTest, ATreeKeepsItsTagWhenItMoves) {
  ASSERT_EQ(::rename("/mnt/tree", "/mnt/outside/moved"), 0);
  EXPECT_EQ(::mkdir("/mnt/outside/moved/new", 0700), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::mkdir("/mnt/tree", 0700), 0);
  EXPECT_EQ(::mkdir("/mnt/tree/new", 0700), 0);
}

// `other` guards the tree, and denies everything.
void expect_denials_by(Lsm& other, const Fd& tree, const Fd& source, const TaggedInode& inode,
                       const TreeTag& tag) {
  ASSERT_TRUE(other.attach(kEverything));
  ASSERT_TRUE(other.tag(tree.get(), inode, tag));
  other.set_guards_in_use(kOwnershipBit);
  for (const auto& operation : operations())
    EXPECT_EQ(operation.run(tree.get(), source.get()), EPERM) << operation.name;
}

TEST_F(LsmTest, EverythingIsPermittedAfterUnloading) {
  untag(tree_);
  {
    auto other = Lsm::load();
    ASSERT_TRUE(other) << other.error().text();
    expect_denials_by(*other, tree_, source_, inode_of(tree_), tag_for(kOwner));
  }
  for (const auto& operation : operations()) {
    const auto into = make_directory(fs::path("tree") / operation.name, kOwner);
    EXPECT_EQ(operation.run(into.get(), source_.get()), 0) << operation.name;
  }
}

// As Linux 7 needs it. The number of a tree is that of its root, so no other directory is in it.
TEST_F(LsmTest, TreesAreFoundByNumber) {
  untag(tree_);
  {
    auto other = Lsm::load(kKnownHooks, Lsm::Tags::kByNumber);
    ASSERT_TRUE(other) << other.error().text();
    expect_denials_by(*other, tree_, source_, inode_of(tree_), tag_for(kOwner));
    EXPECT_EQ(::mknodat(source_.get(), "beside", S_IFREG | 0644, 0), 0);
    auto another = inode_of(tree_);
    another.generation = 1;  // of an inode that had the same number
    ASSERT_TRUE(other->untag(tree_.get(), inode_of(tree_)));
    ASSERT_TRUE(other->tag(tree_.get(), another, tag_for(kOwner)));
    EXPECT_EQ(::mknodat(tree_.get(), "free", S_IFREG | 0644, 0), 0);
    ASSERT_TRUE(other->untag(tree_.get(), another));
  }
  const auto into = make_directory("tree/after", kOwner);
  EXPECT_EQ(::mknodat(into.get(), "file", S_IFREG | 0644, 0), 0);
}

// At the limit it denies; below, it cannot find the tree, so it permits and counts.
TEST_F(LsmTest, AWalkThatEndsEarlyIsCounted) {
  fs::path path = "tree";
  for (int depth = 1; depth < kWalkLimit - 1; ++depth) path /= "d";
  const auto last = make_directory_as_owner(path);
  EXPECT_EQ(::mkdirat(last.get(), "new", 0700), -1);
  EXPECT_EQ(counters().unknown, 0U);
  const auto beyond = make_directory_as_owner(path / "d");
  const auto before = counters().unknown;
  EXPECT_EQ(::mkdirat(beyond.get(), "new", 0700), 0);
  EXPECT_EQ(counters().unknown, before + 1);
}

TEST_F(LsmTest, OperationsOutsideAreNeitherDeniedNorCounted) {
  for (int round = 0; round < 300; ++round) {
    const auto number = std::to_string(round);
    const auto directory = fs::path("/mnt/outside") / ("d" + number);
    ASSERT_TRUE(fs::create_directories(directory / "a/b/c"));
    for (const auto& operation : operations()) {
      if (std::string_view(operation.name).rfind("rename", 0) == 0) continue;
      ASSERT_EQ(operation.run(open_directory(directory / "a/b").get(), source_.get()), 0)
          << operation.name;
      (void)fs::remove_all(directory / "a/b/new");
    }
    fs::rename(directory, "/mnt/outside/e" + number);
    ASSERT_GT(fs::remove_all("/mnt/outside/e" + number), 3U);
  }
  EXPECT_EQ(counters(), LsmCounters{});
}

// A kernel with another mkdir hook: everything but mkdir is denied, and the missing hook is
// reported.
TEST_F(LsmTest, AHookThatDoesNotFitIsLeftOut) {
  untag(tree_);
  auto known = kKnownHooks;
  known[1].arguments = 9;
  ASSERT_EQ(known[1].hook, "inode_mkdir");
  auto other = Lsm::load(known);
  ASSERT_TRUE(other) << other.error().text();
  ASSERT_TRUE(other->attach(kEverything));
  ASSERT_TRUE(other->tag(tree_.get(), inode_of(tree_), tag_for(kOwner)));
  other->set_guards_in_use(kOwnershipBit);
  for (const auto& operation : operations()) {
    const bool permitted = std::string_view(operation.name) == "mkdir";
    EXPECT_EQ(operation.run(tree_.get(), source_.get()), permitted ? 0 : EPERM) << operation.name;
    if (permitted) {
      ASSERT_EQ(::unlinkat(tree_.get(), "new", AT_REMOVEDIR), 0);
    }
  }
  for (const auto& hook : other->hooks()) {
    if (hook.name == "inode_mkdir") {
      EXPECT_FALSE(hook.loaded);
      EXPECT_EQ(hook.guards, kOwnershipBit);
    }
    EXPECT_EQ(hook.why_not.empty(), hook.loaded) << hook.why_not;
  }
}

// Each attached program slows down its hook on the whole machine.
TEST_F(LsmTest, OnlyNeededProgramsAreAttached) {
  untag(tree_);
  auto other = Lsm::load();
  ASSERT_TRUE(other) << other.error().text();
  auto deny = tag_for(kOwner);
  deny.guards = kOwnershipBit | kDeleteBit;
  ASSERT_TRUE(other->tag(tree_.get(), inode_of(tree_), deny));
  other->set_guards_in_use(deny.guards);
  make_file_as_owner(tree_, "old", "");
  const auto create = [&] {
    const Fd made(::openat(tree_.get(), "new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    return made ? 0 : errno;
  };
  const auto remove = [&] { return ::unlinkat(tree_.get(), "old", 0) == 0 ? 0 : errno; };

  EXPECT_EQ(other->links().size(), 0U);
  EXPECT_EQ(create(), 0);
  ASSERT_TRUE(other->attach(kOwnershipBit));
  const auto few = other->links();
  const auto opens = testing::Contains(testing::Key("guard_file_open"));
  EXPECT_THAT(few, testing::Not(opens));
  ASSERT_EQ(::unlinkat(tree_.get(), "new", 0), 0);
  EXPECT_EQ(create(), EPERM);

  // Programs that are already attached keep their links.
  ASSERT_TRUE(other->attach(kOwnershipBit | kDeleteBit));
  const auto more = other->links();
  EXPECT_GT(more.size(), few.size());
  for (const auto& link : few) EXPECT_THAT(more, testing::Contains(link));
  EXPECT_EQ(create(), EPERM);
  EXPECT_EQ(remove(), EPERM);

  // The program for closes denies nothing, so its link need not be kept.
  ASSERT_TRUE(other->attach(kOwnershipBit | kDeleteBit | kClosingBit));
  EXPECT_EQ(other->links(), more);

  for (const auto guard : {kContentBit, kReadBit}) {
    ASSERT_TRUE(other->attach(kOwnershipBit | guard));
    EXPECT_THAT(other->links(), opens);
  }

  ASSERT_TRUE(other->attach(kDeleteBit));
  EXPECT_EQ(create(), 0);
  EXPECT_EQ(remove(), EPERM);
  ASSERT_TRUE(other->attach(0));
  EXPECT_EQ(other->links().size(), 0U);
  EXPECT_EQ(remove(), 0);
}

TEST_F(LsmTest, TheProbeReportsThatItWorks) {
  const auto support = probe_lsm();
  EXPECT_EQ(support.level, LsmLevel::kWorks) << support.text << "\n" << support.detail;
}

}  // namespace
}  // namespace guard
