// Files that a scan fixes by the hundred: most get no record of their own.
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "guardd/audit/reader.h"
#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class Lists : public DaemonTest {};
GUARD_ON_EVERY_FS(Lists);

// Most have no record of their own, but all are counted and can be undone.
TEST_P(Lists, ATreeInWhichAllIsWrong) {
  constexpr unsigned kMany = 700;
  guard_app("fix");
  as_root("cd $T; for i in $(seq 700); do : > file.$i; done; chown 0:5 file.7");
  start();
  EXPECT_TRUE(eventually([&] {
    const fs::directory_iterator all(tree_);
    return std::all_of(fs::begin(all), fs::end(all),
                       [](const auto& each) { return owner(each.path()) == kApp; });
  }));
  std::this_thread::sleep_for(100ms);  // for the last list
  EXPECT_EQ(stop(), 0);
  const auto closed = closed_incidents();
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed[0]["totals"]["fixed"], kMany);
  const auto records = violations_below(tree_).size();
  EXPECT_GE(records, 100U);
  EXPECT_LT(records, kMany);
  EXPECT_EQ(closed[0]["unlisted"], kMany - records);

  auto trail = TrailReader::open((state_ / "audit.db").string());
  ASSERT_TRUE(trail) << trail.error().text();
  const auto fixes = trail->fixes_of(closed[0]["id"]);
  ASSERT_TRUE(fixes);
  std::set<std::string> paths;
  for (const auto& fix : *fixes) {
    paths.insert(fix.path);
    struct stat facts {};
    ASSERT_EQ(::lstat(fix.path.c_str(), &facts), 0) << fix.path;
    EXPECT_EQ(fix.object.inode, facts.st_ino);
    EXPECT_EQ(fix.before.uid.value, 0U);
    EXPECT_EQ(fix.before.gid.value, fix.path == tree_ / "file.7" ? 5U : 0U) << fix.path;
    EXPECT_EQ(fix.after.uid.value, kApp);
    EXPECT_EQ(fix.after.mode.value, facts.st_mode & 07777U);
  }
  EXPECT_EQ(paths.size(), kMany);
}

}  // namespace
}  // namespace guard::test
