// The progress line of a scan.
#include "guardd/ctl/screen/progress.h"

#include <gmock/gmock.h>

namespace guard::ctl {
namespace {

using namespace std::chrono_literals;

TEST(Progress, KnowsRateAndRemainingTime) {
  const auto pace = pace_of({50'000, 200'000, 0, 0}, 2s);
  EXPECT_EQ(pace.rate, 25'000U);
  EXPECT_DOUBLE_EQ(pace.share.value_or(0), 0.25);
  EXPECT_EQ(pace.left, 6s);
}

TEST(Progress, OmitsUnknownNumbers) {
  EXPECT_FALSE(pace_of({50, 0, 0, 0}, 1s).share) << "no earlier count";
  EXPECT_FALSE(pace_of({50, 0, 0, 0}, 1s).left);
  EXPECT_FALSE(pace_of({50, 40, 0, 0}, 1s).share) << "more files than at the last count";
  EXPECT_FALSE(pace_of({0, 40, 0, 0}, 1s).left) << "no file was looked at yet";
  EXPECT_EQ(pace_of({50, 100, 0, 0}, 0s).rate, 0U) << "no time has passed";
  EXPECT_EQ(pace_of({1, UINT64_MAX, 0, 0}, 1s).left, std::chrono::seconds(1'000'000'000));
}

TEST(Progress, FitsEveryTerminal) {
  const bus::ScanNow now{46'512, 98'765, 3, 2};
  const auto pace = pace_of(now, 2s);
  EXPECT_EQ(progress_line(now, pace, 120),
            "███████████░░░░░░░░░░░░░  47%  46,512 of about 98,765  3 wrong  2 fixed  3 s left"
            "  23,256/s");
  EXPECT_EQ(progress_line(now, pace, 79),
            "█████░░░░░░░  47%  46,512 of about 98,765  3 wrong  2 fixed  3 s left  23,256/s");
  EXPECT_EQ(progress_line(now, pace, 30), " 47%  46,512 of about 98,765");
  EXPECT_EQ(progress_line(now, pace, 3), "");
  EXPECT_EQ(progress_line({1'234, 0, 0, 0}, pace_of({1'234, 0, 0, 0}, 1s), 79),
            "1,234 looked at  0 wrong  1,234/s");
}

}  // namespace
}  // namespace guard::ctl
