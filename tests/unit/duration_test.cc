#include "policy/base/duration.h"

#include <gtest/gtest.h>

namespace guard {
namespace {

using namespace std::chrono_literals;

TEST(Duration, ReadsTheFormsOfSystemd) {
  EXPECT_EQ(*parse_duration("250ms"), 250ms);
  EXPECT_EQ(*parse_duration("2s"), 2s);
  EXPECT_EQ(*parse_duration(" 1min 30s "), 90s);
  EXPECT_EQ(*parse_duration("1h30min"), 90min);
  EXPECT_EQ(*parse_duration("90 d"), 24h * 90);
  EXPECT_EQ(*parse_duration("0s"), 0s);
  EXPECT_EQ(*parse_duration("7us"), 7us);
}

TEST(Duration, RejectsAmbiguousText) {
  for (const char* bad :
       {"", " ", "250", "1s 250", "ms", "-1s", "1.5s", "2 parsecs", "1s,2s", "0x1s",
        "99999999999999999999s", "99999999999999999w", "9223372036854775807us 1us"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Duration, WritesTheShortestExactForm) {
  EXPECT_EQ(format_duration(250ms), "250ms");
  EXPECT_EQ(format_duration(90s), "1min 30s");
  EXPECT_EQ(format_duration(0s), "0s");
  for (const Duration d : {Duration(1), Duration(61'000'001), Duration(694'861'001'001)})
    EXPECT_EQ(*parse_duration(format_duration(d)), d);
}

}  // namespace
}  // namespace guard
