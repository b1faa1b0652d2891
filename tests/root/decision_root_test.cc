// The decisions of the LSM programs, on machines where none can be loaded: the same code judges
// this thread in its current directory.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/bench/decision.h"
#include "tests/root/scratch_fs.h"

namespace guard {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kOwner = 4242;
constexpr std::uint32_t kEveryGuard =
    kOwnershipBit | kContentBit | kDeleteBit | kAttributesBit | kReadBit;

class DecisionTest : public test::ScratchFsTest {
 protected:
  void SetUp() override {
    ScratchFsTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto loaded = Decisions::load();
    if (!loaded && loaded.error().code() == EPERM) GTEST_SKIP() << "no BPF here";
    ASSERT_TRUE(loaded) << loaded.error().text();
    decisions_ = std::make_unique<Decisions>(*std::move(loaded));
    fs::create_directories(root() / "tree/a/b/c");
    fs::create_directories(root() / "outside/a/b/c");
    tag(root() / "tree", tag_for(kTreeActionDeny));
    decisions_->set_guards_in_use(kEveryGuard);
  }
  void TearDown() override { fs::current_path("/"); }

  static TreeTag tag_for(TreeAction action) {
    TreeTag tag{};
    tag.tree = 1;
    tag.terms = {kOwner, kOwner, kAnyMode, kAnyMode, static_cast<std::uint32_t>(action)};
    tag.guards = kEveryGuard;
    return tag;
  }

  static TaggedInode inode_of(const fs::path& path) {
    struct stat facts {};
    EXPECT_EQ(::stat(path.c_str(), &facts), 0);
    return {facts.st_ino, major(facts.st_dev) << 20U | minor(facts.st_dev), 0, 0};
  }

  void tag(const fs::path& directory, const TreeTag& tag) {
    ASSERT_TRUE(decisions_->tag(inode_of(directory), tag));
  }

  bool denies(DecisionKind kind, const fs::path& at) {
    fs::current_path(root() / at);
    const auto decision = decisions_->decide(kind);
    EXPECT_TRUE(decision) << decision.error().text();
    return decision && decision->denied == 1;
  }

  std::uint64_t counted(Counter counter) const { return *decisions_->counted(counter); }

  static constexpr DecisionKind kDecisions[] = {kDecideCreation, kDecideWrite, kDecideRmdir};
  std::unique_ptr<Decisions> decisions_;
};
// The file system makes no difference.
INSTANTIATE_TEST_SUITE_P(On, DecisionTest, testing::Values(test::FsType::kTmpfs),
                         [](const auto& each) { return test::name_of(each.param); });

TEST_P(DecisionTest, DeniesInTheTree) {
  for (const auto decision : kDecisions) EXPECT_TRUE(denies(decision, "tree/a/b/c")) << decision;
  EXPECT_EQ(counted(kCounterDenied), std::size(kDecisions));
}

TEST_P(DecisionTest, PermitsOperationsOutside) {
  for (const auto decision : kDecisions)
    EXPECT_FALSE(denies(decision, "outside/a/b/c")) << decision;
  EXPECT_EQ(counted(kCounterDenied) + counted(kCounterPassed) + counted(kCounterUnknown), 0U);
}

TEST_P(DecisionTest, PermitsTheOwner) {
  const auto before = ::setfsuid(kOwner);
  for (const auto decision : kDecisions) EXPECT_FALSE(denies(decision, "tree/a/b/c")) << decision;
  (void)::setfsuid(static_cast<uid_t>(before));
  EXPECT_EQ(counted(kCounterPassed), 0U);
}

TEST_P(DecisionTest, PermitsReaders) {
  EXPECT_FALSE(denies(kDecideOpen, "tree/a/b/c"));
}

TEST_P(DecisionTest, PermitsWhatNoGuardCovers) {
  decisions_->set_guards_in_use(kDeleteBit);
  EXPECT_FALSE(denies(kDecideWrite, "tree/a"));
  EXPECT_TRUE(denies(kDecideRmdir, "tree/a"));
  auto ownership = tag_for(kTreeActionDeny);
  ownership.guards = kOwnershipBit;
  tag(root() / "tree", ownership);
  EXPECT_FALSE(denies(kDecideRmdir, "tree/a"));
}

TEST_P(DecisionTest, PermitsAndCountsUnderLog) {
  tag(root() / "tree", tag_for(kTreeActionLog));
  for (const auto decision : kDecisions) EXPECT_FALSE(denies(decision, "tree/a")) << decision;
  EXPECT_EQ(counted(kCounterPassed), std::size(kDecisions));
}

TEST_P(DecisionTest, TheNearestTreeDecides) {
  tag(root() / "tree/a/b", tag_for(kTreeActionOff));
  EXPECT_TRUE(denies(kDecideWrite, "tree/a"));
  EXPECT_FALSE(denies(kDecideWrite, "tree/a/b"));
  EXPECT_FALSE(denies(kDecideWrite, "tree/a/b/c"));
}

TEST_P(DecisionTest, PermitsExemptUsers) {
  auto exempting = tag_for(kTreeActionDeny);
  exempting.allows = 1;
  tag(root() / "tree", exempting);
  Exemptions exemptions{};
  exemptions.need_user = 1;
  decisions_->exempt(exemptions);
  EXPECT_TRUE(denies(kDecideWrite, "tree/a"));
  ASSERT_TRUE(decisions_->set_subject({kSubjectUser, 0}, 1));
  EXPECT_FALSE(denies(kDecideWrite, "tree/a"));
  EXPECT_EQ(counted(kCounterPassed), 1U);
}

TEST_P(DecisionTest, CountsOperationsThatItCannotPlace) {
  fs::path deep = root() / "tree";
  for (int i = 0; i < kWalkLimit; ++i) {
    deep /= "d";
    fs::create_directory(deep);
  }
  EXPECT_TRUE(denies(kDecideWrite, deep.parent_path()));
  EXPECT_FALSE(denies(kDecideWrite, deep));
  EXPECT_EQ(counted(kCounterUnknown), 1U);
}

}  // namespace
}  // namespace guard
