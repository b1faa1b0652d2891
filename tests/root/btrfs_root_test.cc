// Subvolumes of btrfs: as trees, in trees, as snapshots, and beside trees on other file systems.
// Each has inode numbers and a file system id of its own.
#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "policy/base/handle.h"
#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

namespace fs = std::filesystem;

class Btrfs : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(::setenv("R", (root() / "srv").c_str(), 1), 0);
  }
  void TearDown() override {
    DaemonTest::TearDown();
    if (!IsSkipped()) (void)::umount2((root() / "srv/elsewhere").c_str(), MNT_DETACH);
  }

  // In srv/, and the owner's.
  static void subvolume(const std::string& name) {
    as_root("btrfs -q subvolume create $R/" + name + " && chown 4242:4242 $R/" + name);
  }
  // One policy for these trees in srv/.
  void guard_all(const std::vector<std::string>& trees) const {
    std::ofstream policy(root() / "policies/all.toml");
    policy << "[[policy]]\nname = \"all\"\nowner = 4242\ngroup = 4242\naction = \"fix\"\n"
              "settle = \"50ms\"\npaths = [";
    for (const auto& tree : trees) policy << '"' << (root() / "srv" / tree).string() << "\", ";
    policy << "]\n";
  }
  void expect_fixed(const std::string& path) const {
    as_root("mkdir -p $R/" + path + "/made && echo x > $R/" + path + "/made/file && touch $R/" +
            path + "/key && chmod 600 $R/" + path + "/key");
    for (const auto* name : {"made", "made/file", "key"}) {
      const auto at = root() / "srv" / path / name;
      EXPECT_TRUE(eventually([&] { return owner(at) == kApp; })) << at;
    }
  }
  // Before Linux 6.8, fanotify does not.
  bool can_be_watched() const {
    if (on_lsm()) return true;
    as_root("btrfs -q subvolume create $R/probe");
    const Fd group(::fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_CLOEXEC, O_RDONLY));
    const bool done = ::fanotify_mark(group.get(), FAN_MARK_ADD, FAN_ATTRIB, AT_FDCWD,
                                      (root() / "srv/probe").c_str()) == 0;
    as_root("btrfs -q subvolume delete $R/probe");
    return done;
  }
  void expect_healthy() const {
    for (const auto& each : of_type("health")) ADD_FAILURE() << each;
  }
};
GUARD_ON_BTRFS_TOO(Btrfs);

TEST_P(Btrfs, SubvolumesAreTrees) {
  if (!can_be_watched()) GTEST_SKIP() << "this kernel does not watch subvolumes";
  for (const auto* name : {"one", "two", "three"}) subvolume(name);
  as_root(
      "mkdir $R/elsewhere && mount -t tmpfs tmpfs $R/elsewhere && chown 4242:4242 $R/elsewhere");
  guard_all({"app", "one", "two", "three", "elsewhere"});
  start();
  for (const auto* name : {"app", "one", "two", "three", "elsewhere"}) expect_fixed(name);
  expect_healthy();
}

TEST_P(Btrfs, SubvolumesAreInTrees) {
  if (!can_be_watched()) GTEST_SKIP() << "this kernel does not watch subvolumes";
  guard_all({"app"});
  subvolume("app/before");
  subvolume("app/before/deep");
  start();
  subvolume("app/after");
  let_settle();
  for (const auto* name : {"app/before", "app/before/deep", "app/after"}) expect_fixed(name);
  expect_fixed("app");
  expect_healthy();
}

TEST_P(Btrfs, ASnapshotIsFixed) {
  if (!can_be_watched()) GTEST_SKIP() << "this kernel does not watch subvolumes";
  guard_all({"app"});
  subvolume("data");
  as_root("mkdir $R/data/below && touch $R/data/file $R/data/below/file");
  start();
  as_root("btrfs -q subvolume snapshot $R/data $R/app/data");
  for (const auto* name : {"app/data/file", "app/data/below", "app/data/below/file"}) {
    const auto at = root() / "srv" / name;
    EXPECT_TRUE(eventually([&] { return owner(at) == kApp; })) << at;
  }
  expect_fixed("app/data/below");
  as_root("btrfs -q subvolume delete $R/app/data");
  expect_fixed("app");
  expect_healthy();
}

TEST_P(Btrfs, ASnapshotWithATreeIsNoTree) {
  if (!can_be_watched()) GTEST_SKIP() << "this kernel does not watch subvolumes";
  subvolume("data");
  as_root("mkdir $R/data/tree && chown 4242:4242 $R/data/tree");
  guard_all({"data/tree"});
  start();
  as_root("btrfs -q subvolume snapshot $R/data $R/copy");
  as_root("touch $R/copy/tree/file $R/data/tree/file");
  EXPECT_TRUE(eventually([&] { return owner(root() / "srv/data/tree/file") == kApp; }));
  EXPECT_EQ(owner(root() / "srv/copy/tree/file"), 0U);
  expect_healthy();
}

TEST_P(Btrfs, ASubvolumeMovesBetweenSubvolumes) {
  if (!can_be_watched()) GTEST_SKIP() << "this kernel does not watch subvolumes";
  guard_all({"app"});
  subvolume("app/one");
  subvolume("app/two");
  subvolume("app/one/moved");
  start();
  as_root("mv $R/app/one/moved $R/app/two/moved");
  expect_fixed("app/two/moved");
  as_root("mv $R/app/two/moved $R/app/moved && mv $R/app/moved $R/moved");
  as_root("touch $R/moved/outside");
  let_settle();
  EXPECT_EQ(owner(root() / "srv/moved/outside"), 0U);
  expect_healthy();
}

// They are scanned, and guardd says so.
TEST_P(Btrfs, WhatCannotBeWatchedIsNamed) {
  if (can_be_watched()) GTEST_SKIP() << "this kernel watches subvolumes";
  guard_all({"app", "one"});
  subvolume("one");
  subvolume("app/two");
  as_root("touch $R/one/before $R/app/two/before");
  start();
  EXPECT_TRUE(eventually([&] { return owner(root() / "srv/one/before") == kApp; }));
  EXPECT_TRUE(becomes_apps("two/before"));
  for (const auto* name : {"srv/one", "srv/app/two"}) {
    const auto path = (root() / name).string();
    EXPECT_TRUE(eventually([&] {
      const auto all = of_type("health");
      return std::any_of(all.begin(), all.end(), [&](const Json& each) {
        const auto text = each.dump();
        return text.find(path) != std::string::npos &&
               text.find("guardd scans it every minute") != std::string::npos;
      });
    })) << path;
  }
  expect_fixed("app");
}

TEST_P(Btrfs, WhatHappenedMeanwhileIsFixed) {
  if (!can_be_watched()) GTEST_SKIP() << "this kernel does not watch subvolumes";
  guard_all({"app"});
  subvolume("app/one");
  start();
  kill_it();
  as_root("mkdir $R/app/one/new && touch $R/app/one/new/file");
  start();
  EXPECT_TRUE(becomes_apps("one/new/file"));
  EXPECT_TRUE(becomes_apps("one/new"));
  expect_healthy();
}

}  // namespace
}  // namespace guard::test
