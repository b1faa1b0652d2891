// Evidence in trees whose owner depends on the path.
#include "tests/vm/lsm_witness.h"

namespace guard {
namespace {

class LsmWitnessOfPatterns : public LsmPatterns {
 protected:
  void SetUp() override {
    LsmPatterns::SetUp();
    if (HasFatalFailure() || IsSkipped()) return;
    ASSERT_EQ(::fchmod(tree_.get(), 0777), 0);
    cache_ = make_directory_as_owner("tree/cache");
    directory_ = make_directory_as_owner("tree/dir");
    auto wanted = tag_with({"cache/**"}, {{"**/*.web"}, {"**/*.off"}},
                           {Terms{kOther, kOther, kAnyMode, kAnyMode, kTreeActionLog},
                            Terms{kOther, kOther, kAnyMode, kAnyMode, kTreeActionOff}});
    wanted.terms.action = kTreeActionLog;
    tag(tree_, wanted);
    wanted_ = wanted;
  }
  std::uint32_t wanted_at(const Fd& in, const char* name) const {
    return witness_of(*lsm_, in, name)
        .value_or(WitnessTag{0, 0, kNotSet, 0, kWitnessNone, 0})
        .owner;
  }

  Fd cache_, directory_;
  TreeTag wanted_;
};

TEST_F(LsmWitnessOfPatterns, ThePathOfTheActDecidesWhoIsTheOwner) {
  for (const char* name : {"plain", "a.web", "a.off"}) ASSERT_EQ(create(tree_, name), 0);
  ASSERT_EQ(create(cache_, "file"), 0);
  EXPECT_EQ(wanted_at(tree_, "plain"), kOwner);
  EXPECT_EQ(wanted_at(tree_, "a.web"), kOther);
  EXPECT_EQ(wanted_at(tree_, "a.off"), kNotSet);
  EXPECT_EQ(wanted_at(cache_, "file"), kNotSet);
  as(kOther, [&] {
    ASSERT_EQ(create(tree_, "b.web"), 0);
    ASSERT_EQ(create(tree_, "other"), 0);
  });
  EXPECT_EQ(wanted_at(tree_, "b.web"), kNotSet);
  EXPECT_EQ(wanted_at(tree_, "other"), kOwner);
  as(kOwner, [&] { ASSERT_EQ(create(tree_, "c.web"), 0); });
  EXPECT_EQ(wanted_at(tree_, "c.web"), kOther);
  ASSERT_EQ(::fchownat(tree_.get(), "b.web", 0, 0, 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "b.web"), kWitnessTaken);
  EXPECT_EQ(wanted_at(tree_, "b.web"), kOther);
  ASSERT_EQ(move(source_, "file", tree_, "d.web"), 0);
  EXPECT_EQ(KIND_OF(tree_, "d.web"), kWitnessBrought);
  EXPECT_EQ(wanted_at(tree_, "d.web"), kOther);
}

TEST_F(LsmWitnessOfPatterns, OnlyRootMayChooseAnotherPath) {
  ASSERT_EQ(create(tree_, "a"), 0);
  ASSERT_EQ(move(tree_, "a", tree_, "a.web"), 0);
  EXPECT_EQ(KIND_OF(tree_, "a.web"), kWitnessBorn);
  EXPECT_EQ(wanted_at(tree_, "a.web"), kOther);
  ASSERT_EQ(move(tree_, "a.web", cache_, "a"), 0);
  EXPECT_EQ(wanted_at(cache_, "a"), kNotSet);
  ASSERT_EQ(move(cache_, "a", tree_, "a"), 0);
  EXPECT_EQ(wanted_at(tree_, "a"), kNotSet);
  ASSERT_EQ(create(tree_, "b"), 0);
  as(kOwner, [&] { ASSERT_EQ(move(tree_, "b", tree_, "b.web"), 0); });
  EXPECT_EQ(wanted_at(tree_, "b.web"), kNotSet);
  make_file(tree_, "c", "");
  ASSERT_EQ(::linkat(tree_.get(), "c", tree_.get(), "d", 0), 0);
  EXPECT_EQ(wanted_at(tree_, "c"), kNotSet);
}

TEST_F(LsmWitnessOfPatterns, ARenamedDirectoryChangesThePathsBelowIt) {
  ASSERT_EQ(create(directory_, "born"), 0);
  ASSERT_EQ(::mkdirat(tree_.get(), "own", 0700), 0);
  ASSERT_EQ(move(tree_, "own", tree_, "roots"), 0);
  EXPECT_EQ(wanted_at(tree_, "roots"), kOwner);
  EXPECT_EQ(KIND_OF(directory_, "born"), kWitnessNone);
}

TEST_F(LsmWitnessOfPatterns, ANamelessFileHasThePathOfItsFirstName) {
  const Fd file(::openat(tree_.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  const auto path = "/proc/self/fd/" + std::to_string(file.get());
  ASSERT_EQ(::linkat(AT_FDCWD, path.c_str(), tree_.get(), "a.web", AT_SYMLINK_FOLLOW), 0);
  EXPECT_EQ(wanted_at(tree_, "a.web"), kOther);
}

TEST_F(LsmWitnessOfPatterns, WhatCannotBeDecidedHasNoEvidence) {
  wanted_.flags |= kTreeUndecidable;
  tag(tree_, wanted_);
  ASSERT_EQ(create(tree_, "born"), 0);
  EXPECT_EQ(wanted_at(tree_, "born"), kNotSet);
}

}  // namespace
}  // namespace guard
