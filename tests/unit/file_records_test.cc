#include "guardd/enforce/file_records.h"

#include <gtest/gtest.h>

#include <string>

namespace guard {
namespace {

using namespace std::chrono_literals;

FileId file_id(std::size_t number) {
  return {"filesystem", 1, std::to_string(number)};
}

constexpr OwnershipWar::Time kBegin{1h};

TEST(OwnershipWar, IsFoundAfterTooManyReversalsInAShortTime) {
  OwnershipWar brake;
  for (unsigned i = 0; i < OwnershipWar::kReversals; ++i) {
    EXPECT_FALSE(brake.is_war(file_id(1), kBegin));
    brake.fixed(file_id(1), kBegin + i * 1s);
  }
  EXPECT_TRUE(brake.is_war(file_id(1), kBegin + 1min));
  EXPECT_FALSE(brake.is_war(file_id(2), kBegin + 1min));
  EXPECT_FALSE(brake.is_war(file_id(1), kBegin + OwnershipWar::kWithin + 1s));
}

TEST(OwnershipWar, IsNotFoundInOccasionalReversals) {
  OwnershipWar brake;
  for (unsigned i = 0; i < 100; ++i) {
    const auto now = kBegin + i * 11min;
    EXPECT_FALSE(brake.is_war(file_id(1), now));
    brake.fixed(file_id(1), now);
  }
}

TEST(OwnershipWar, RemembersABoundedNumber) {
  OwnershipWar brake;
  for (unsigned i = 0; i < OwnershipWar::kReversals; ++i) brake.fixed(file_id(0), kBegin);
  for (std::size_t i = 1; i <= OwnershipWar::kMost; ++i) brake.fixed(file_id(i), kBegin);
  EXPECT_FALSE(brake.is_war(file_id(0), kBegin));
}

TEST(OwnershipWar, KnowsWhichFilesWereJustFixed) {
  OwnershipWar brake;
  EXPECT_FALSE(brake.was_just_fixed(file_id(1), kBegin));
  brake.fixed(file_id(1), kBegin);
  EXPECT_TRUE(brake.was_just_fixed(file_id(1), kBegin + 1s));
  EXPECT_FALSE(brake.was_just_fixed(file_id(2), kBegin + 1s));
  EXPECT_FALSE(brake.was_just_fixed(file_id(1), kBegin + 1min));
  brake.fixed(file_id(1), kBegin + 1min);
  EXPECT_TRUE(brake.was_just_fixed(file_id(1), kBegin + 1min + 1s));
}

TEST(ReportedStates, ReportsAnotherStateAndAStateAfterItWasCorrect) {
  ReportedStates reported;
  const ReportedStates::State state{Uid{0}, Gid{0}, 0, 0, 1};
  auto other = state;
  other.reason = 2;
  const auto is_known = [&](const FileId& id, const ReportedStates::State& wrong) {
    return reported.is_known(id, wrong, "/srv/app", kBegin);
  };
  EXPECT_FALSE(is_known(file_id(1), state));
  EXPECT_TRUE(is_known(file_id(1), state));
  EXPECT_FALSE(is_known(file_id(1), other));
  EXPECT_FALSE(is_known(file_id(1), state));
  reported.forget(file_id(1));
  EXPECT_FALSE(is_known(file_id(1), state));
  EXPECT_FALSE(is_known(FileId(), state));
  EXPECT_FALSE(is_known(FileId(), state));
}

TEST(ReportedStates, CountsWhatIsStillLeft) {
  ReportedStates reported;
  const ReportedStates::State state{Uid{0}, Gid{0}, 0, 0, 1};
  for (std::size_t number = 1; number <= 3; ++number)
    (void)reported.is_known(file_id(number), state, "/srv/app", kBegin);
  (void)reported.is_known(file_id(4), state, "/srv/other", kBegin);
  EXPECT_EQ(reported.count("/srv/app", 1), 3U);
  EXPECT_EQ(reported.count("/srv/app", 2), 0U);
  (void)reported.is_known(file_id(2), state, "/srv/app", kBegin + 2s);
  reported.discount_unseen("/srv/app", kBegin + 1s);
  EXPECT_EQ(reported.count("/srv/app", 1), 1U);
  EXPECT_EQ(reported.count("/srv/other", 1), 1U);
  EXPECT_TRUE(reported.is_known(file_id(1), state, "/srv/app", kBegin + 3s));
  EXPECT_EQ(reported.count("/srv/app", 1), 2U);
}

TEST(JustCreated, IsRememberedForAMoment) {
  JustCreated newborn;
  newborn.add(file_id(1), Operation::kMkdir, kBegin);
  newborn.add(FileId(), Operation::kMkdir, kBegin);
  EXPECT_EQ(newborn.find(file_id(1), kBegin + 1s), Operation::kMkdir);
  EXPECT_FALSE(newborn.find(file_id(1), kBegin + JustCreated::kYoung + 1s));
  EXPECT_FALSE(newborn.find(file_id(2), kBegin));
  EXPECT_FALSE(newborn.find(FileId(), kBegin));
  for (std::size_t i = 2; i <= JustCreated::kMost + 1; ++i)
    newborn.add(file_id(i), Operation::kCreate, kBegin);
  EXPECT_FALSE(newborn.find(file_id(1), kBegin));
  EXPECT_EQ(newborn.find(file_id(2), kBegin), Operation::kCreate);
}

}  // namespace
}  // namespace guard
