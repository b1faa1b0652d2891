#include "guardd/sources/mounts.h"

#include <gtest/gtest.h>

namespace guard {
namespace {

TEST(Mounts, ReadsMountinfo) {
  const auto table = read_mounts(
      "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
      "36 22 0:30 / /srv/a\\040b\\134c rw - tmpfs tm\\011pfs rw,size=1k\n"
      "37 22 0:31 /sub /no/optional/fields rw - xfs /dev/vdb rw\n");
  ASSERT_EQ(table.size(), 3U);
  EXPECT_EQ(table.at(22).point, "/");
  EXPECT_EQ(table.at(36).point, "/srv/a b\\c");
  EXPECT_EQ(table.at(36).type, "tmpfs");
  EXPECT_EQ(table.at(36).source, "tm\tpfs");
  EXPECT_EQ(table.at(37).source, "/dev/vdb");
}

TEST(Mounts, SkipsMalformedLines) {
  EXPECT_TRUE(read_mounts("").empty());
  EXPECT_TRUE(read_mounts("\n\nx\n12\n12 1 0:1 / /a rw\n12 1 0:1 / /a rw - tmpfs\n").empty());
  EXPECT_EQ(read_mounts("1 0 0:1 / /a\\0 rw - tmpfs none rw").at(1).point, "/a\\0");
}

TEST(Mounts, ReportsNothingWhileNothingIsMounted) {
  Mounts mounts;
  const auto news = mounts.news();
  EXPECT_TRUE(news.mounted.empty());
  EXPECT_TRUE(news.unmounted.empty());
}

}  // namespace
}  // namespace guard
