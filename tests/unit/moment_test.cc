#include "guardd/ctl/ask/moment.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace guard::ctl {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::system_clock;

class Moment : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);  // NOLINT(concurrency-mt-unsafe)
    ::tzset();
  }
  void TearDown() override {
    ::unsetenv("TZ");  // NOLINT(concurrency-mt-unsafe)
    ::tzset();
  }
  static system_clock::time_point at(std::time_t time) { return system_clock::from_time_t(time); }
  // 2026-03-01 14:30 in this zone
  const system_clock::time_point now_ = at(1772371800);
};

TEST_F(Moment, ReadsWhatPeopleType) {
  EXPECT_EQ(parse_moment("now", now_), now_);
  EXPECT_EQ(parse_moment("2026-03-01T13:30:00Z", now_), now_);
  EXPECT_EQ(parse_moment("2026-03-01 13:30:00 UTC", now_), now_);
  EXPECT_EQ(parse_moment("2026-03-01 14:30", now_), now_);
  EXPECT_EQ(parse_moment("2026-03-01T14:30:01", now_), now_ + seconds(1));
  EXPECT_EQ(parse_moment("2026-03-01", now_), now_ - hours(14) - minutes(30));
  EXPECT_EQ(parse_moment("today", now_), now_ - hours(14) - minutes(30));
  EXPECT_EQ(parse_moment("yesterday", now_), now_ - hours(38) - minutes(30));
  EXPECT_EQ(parse_moment("2h ago", now_), now_ - hours(2));
  EXPECT_EQ(parse_moment("-1min 30s", now_), now_ - seconds(90));
}

TEST_F(Moment, WorksOnTheDayTheClocksChange) {
  const auto after = at(1774767600);  // 2026-03-29 09:00 in summer time
  EXPECT_EQ(parse_moment("today", after), after - hours(8));
  EXPECT_EQ(parse_moment("2026-03-29 09:00", now_), after);
}

TEST_F(Moment, ReadsItsOwnFormat) {
  EXPECT_EQ(format_moment(now_), "2026-03-01 14:30:00");
  EXPECT_EQ(parse_moment(format_moment(now_), {}), now_);
}

TEST_F(Moment, EndsWithTheRangeOfTheClock) {
  const auto last = std::chrono::floor<seconds>(system_clock::time_point::max());
  for (const auto* text : {"9999-12-31", "9999-12-31T23:59:59Z", "2300-01-01 00:00"})
    EXPECT_EQ(parse_moment(text, now_), last) << text;
  for (const auto* text : {"1960-01-01", "0000-01-01T00:00:00Z", "3000w ago", "-15250284w"})
    EXPECT_EQ(parse_moment(text, now_), system_clock::time_point()) << text;
}

TEST_F(Moment, RejectsEverythingElse) {
  for (const auto* text : {"", "tomorrow", "2h", "14:30", "2026-02-31", "2026-13-01", "2026-03-01 ",
                           "2026-03-01 14:30 CET", "1772371800", "-", "x ago", "-2h ago"})
    EXPECT_FALSE(parse_moment(text, now_)) << text;
}

}  // namespace
}  // namespace guard::ctl
