// Where trees begin and end: nested trees, trees with another group, and mounts.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

namespace fs = std::filesystem;

class Trees : public DaemonTest {
 protected:
  // A policy for a directory below the tree.
  void nested(const std::string& name, gid_t group, const std::string& action) {
    fs::create_directories(tree_ / name / "deep");
    for (const auto& each : {tree_ / name, tree_ / name / "deep"})
      ASSERT_EQ(::chown(each.c_str(), kApp, group), 0);
    std::ofstream(root() / "policies" / (name + ".toml"))
        << "[[policy]]\nname = \"" << name << "\"\npaths = [\"" << (tree_ / name).string()
        << "\"]\nowner = 4242\ngroup = " << group << "\naction = \"" << action
        << "\"\nsettle = \"50ms\"\n";
  }
  bool is_of_group(gid_t group, const std::string& name) const {
    return eventually([&] { return facts(tree_ / name).st_gid == group; });
  }
};
GUARD_ON_EVERY_FS(Trees);

TEST_P(Trees, TheInnermostPolicyCounts) {
  guard_app("fix");
  nested("inner", 5151, "fix");
  nested("unguarded", 6161, "off");
  start();
  as_root("touch $T/a $T/inner/b $T/inner/deep/c $T/unguarded/d $T/unguarded/deep/e");
  EXPECT_TRUE(is_of_group(kApp, "a"));
  EXPECT_TRUE(is_of_group(5151, "inner/b"));
  EXPECT_TRUE(is_of_group(5151, "inner/deep/c"));
  as_root("chown root:root $T/inner");
  EXPECT_TRUE(is_of_group(5151, "inner"));
  let_settle();
  EXPECT_EQ(owner(tree_ / "unguarded/d"), 0U);
  EXPECT_EQ(owner(tree_ / "unguarded/deep/e"), 0U);
  EXPECT_EQ(facts(tree_ / "unguarded").st_gid, 6161U);
  EXPECT_EQ(violations(tree_ / "inner/b").front()["policy"], "inner");
}

TEST_P(Trees, AReloadChangesTheBorders) {
  guard_app("fix");
  start();
  as_root("mkdir $T/inner");
  EXPECT_TRUE(becomes_apps("inner"));
  nested("inner", 5151, "fix");
  ::kill(daemon(), SIGHUP);
  ASSERT_TRUE(eventually([&] { return !of_type("reload").empty(); }));
  as_root("touch $T/inner/deep/file $T/file");
  EXPECT_TRUE(is_of_group(5151, "inner/deep/file"));
  EXPECT_TRUE(becomes_apps("file"));
  fs::remove(root() / "policies" / "inner.toml");
  ::kill(daemon(), SIGHUP);
  ASSERT_TRUE(eventually([&] { return of_type("reload").size() == 2; }));
  EXPECT_TRUE(is_of_group(kApp, "inner/deep/file"));
  as_root("touch $T/inner/deep/another");
  EXPECT_TRUE(is_of_group(kApp, "inner/deep/another"));
}

TEST_P(Trees, ExcludedDirectoriesAreNotWatched) {
  as_root("mkdir -p $T/cache/a/b $T/kept/c; chown -R 4242:4242 $T");
  guard_app("fix", "50ms", "exclude = [\"cache/**\"]");
  start();
  EXPECT_EQ(marks(), 3U);
  as_root(
      "mkdir $T/cache/new; touch $T/cache/new/file; mv $T/cache/a $T/moved; touch $T/moved/b/file");
  EXPECT_TRUE(becomes_apps("moved/b/file"));
  EXPECT_EQ(owner(tree_ / "cache/new/file"), 0U);
  guard_app("fix");
  ::kill(daemon(), SIGHUP);
  EXPECT_TRUE(becomes_apps("cache/new/file"));
  as_root("touch $T/cache/new/another");
  EXPECT_TRUE(becomes_apps("cache/new/another"));
  EXPECT_EQ(marks(), 7U);
  guard_app("fix", "50ms", "exclude = [\"cache/**\"]");
  ::kill(daemon(), SIGHUP);
  EXPECT_TRUE(eventually([&] { return marks() == 5; })) << marks();
  as_root("touch $T/cache/new/third $T/marker");
  EXPECT_TRUE(becomes_apps("marker"));
  EXPECT_EQ(owner(tree_ / "cache/new/third"), 0U);
}

// A file system that can identify its files, but cannot open them by that identity.
TEST_P(Trees, AnOverlayIsATreeLikeAnyOther) {
  as_root(
      "mkdir $O/lower $O/upper $O/work; mkdir $O/lower/d; touch $O/lower/d/old; "
      "chown -R 4242:4242 $O/lower; chmod 755 $O/lower $O/upper");
  if (std::system(
          "mount -t overlay -o lowerdir=$O/lower,upperdir=$O/upper,workdir=$O/work "  // NOLINT
          "overlay $T 2> /dev/null") != 0)
    GTEST_SKIP() << "this kernel has no overlayfs";
  guard_app("fix");
  start();
  as_root("touch $T/new $T/d/new; chown root $T/d/old; mkdir $T/e; touch $T/e/f");
  for (const char* name : {"new", "d/new", "d/old", "e", "e/f"})
    EXPECT_TRUE(becomes_apps(name)) << name;
  stop();
  as_root("umount $T");
}

TEST_P(Trees, AMountBelowIsReportedAndNotEntered) {
  guard_app("fix");
  fs::create_directory(tree_ / "below");
  ASSERT_EQ(::chown((tree_ / "below").c_str(), kApp, kApp), 0);
  start();
  as_root("mount -t tmpfs foreign $T/below; touch $T/below/file");
  ASSERT_TRUE(eventually([&] { return violations(tree_ / "below").size() == 1; }));
  auto reported = violations(tree_ / "below").front();
  EXPECT_EQ(reported["operation"], "mount");
  EXPECT_EQ(reported["action"], "logged");
  EXPECT_EQ(reported["policy"], "app");
  EXPECT_NE(reported["reason"].get<std::string>().find("\"foreign\" was mounted"),
            std::string::npos);
  if (reported.contains("pid")) {  // the kernel reports it: Linux 6.15
    EXPECT_EQ(fs::path(reported["exe"].get<std::string>()).filename(), "mount") << reported;
  }
  let_settle();
  EXPECT_EQ(owner(tree_ / "below/file"), 0U);
  as_root("umount $T/below");
  ASSERT_TRUE(eventually([&] { return violations(tree_ / "below").size() == 2; }));
  reported = violations(tree_ / "below").back();
  EXPECT_NE(reported["reason"].get<std::string>().find("was unmounted"), std::string::npos);
}

TEST_P(Trees, ABindMountFromOutsideIsNotGuarded) {
  guard_app("fix");
  as_root("mkdir $T/below $O/foreign; chown 4242:4242 $T/below; touch $O/foreign/file");
  start();
  as_root("mount --bind $O/foreign $T/below; touch $T/below/another");
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "below").empty(); }));
  let_settle();
  EXPECT_EQ(owner(other_ / "foreign/file"), 0U);
  EXPECT_EQ(owner(other_ / "foreign/another"), 0U);
  EXPECT_EQ(owner(other_ / "foreign"), 0U);
  as_root("umount $T/below");
}

TEST_P(Trees, AMountOverATreeIsReportedAndGuarded) {
  guard_app("fix");
  start();
  as_root("touch $T/before");
  EXPECT_TRUE(becomes_apps("before"));
  as_root("mount -t tmpfs over $T");
  // The scan of the start may find the new root first.
  ASSERT_TRUE(eventually([&] {
    const auto found = violations(tree_);
    return std::any_of(found.begin(), found.end(),
                       [](const auto& each) { return each["operation"] == "mount"; });
  }));
  as_root("touch $T/over");
  EXPECT_TRUE(becomes_apps("over"));
  as_root("umount $T; touch $T/after");
  EXPECT_TRUE(becomes_apps("after"));
}

TEST_P(Trees, AMountElsewhereIsNotReported) {
  guard_app("fix");
  start();
  as_root("mkdir $O/place; mount -t tmpfs elsewhere $O/place; umount $O/place");
  let_settle();
  nothing_told();
}

}  // namespace
}  // namespace guard::test
