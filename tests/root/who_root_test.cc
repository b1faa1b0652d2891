// Identifies processes on this machine's kernel, in a process namespace of its own.
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "guardd/who/control_groups.h"
#include "tests/root/who_cases.h"

namespace guard::test {
namespace {

TEST_F(Who, WithoutATracerOnlyLivingProcessesAreKnown) {
  ProcessesOptions options;
  options.tracer = false;
  Processes who(port_, options);
  EXPECT_EQ(who.fd(), -1);
  const auto found = who.find(run({"touch", "/tmp"}));
  EXPECT_FALSE(found->known());
  EXPECT_FALSE(found->actor().cmdline);
  const auto self = who.find(::getpid());
  EXPECT_EQ(self->actor().exe, std::filesystem::read_symlink("/proc/self/exe"));
  EXPECT_EQ(self->actor().ppid, ::getppid());
  EXPECT_EQ(self->actor().fsuid, kRoot);
}

// The tracer says the path from the root of all groups, /proc and the hierarchy from that of the
// namespace. A mount point in the hierarchy stands for the latter here.
TEST(ControlGroupNamespace, IsWherePathsBegin) {
  const auto dir = std::filesystem::path("/tmp/guard-who-groups");
  std::filesystem::create_directories(dir);
  if (::mount("none", dir.c_str(), "cgroup2", 0, nullptr) != 0)  // in a private namespace
    GTEST_SKIP() << "no unified hierarchy here";
  const auto top = dir / ("guard-test-" + std::to_string(::getpid()));
  const auto group = top / "a.service";
  ASSERT_TRUE(std::filesystem::create_directories(group));
  const std::filesystem::path mounts = "/tmp/guard-who-mounts";
  std::ofstream(mounts) << "1 1 0:1 / " << top.string() << " rw - cgroup2 cgroup2 rw\n";
  struct stat facts {};
  EXPECT_EQ(::stat(group.c_str(), &facts), 0);
  ControlGroups groups(mounts);
  const auto path = [&](std::uint64_t id, const std::string& traced) {
    groups.add(id, traced);
    return groups.find(id)->path;
  };
  EXPECT_EQ(path(7, "/above/gone.service"), "/above/gone.service") << "nothing is known yet";
  EXPECT_EQ(path(facts.st_ino, "/above/a.service"), "/a.service");
  EXPECT_EQ(path(8, "/above/gone.service/x"), "/gone.service/x");
  EXPECT_EQ(path(9, "/above2/b.service"), "/above2/b.service") << "outside";
  EXPECT_EQ(path(10, "/b.service"), "/b.service") << "outside";
  std::filesystem::remove(group);
  std::filesystem::remove(top);
  EXPECT_EQ(::umount2(dir.c_str(), MNT_DETACH), 0);
  std::filesystem::remove(dir);
  std::filesystem::remove(mounts);
}

// On overlayfs, stat() shows another device than that of the superblock.
TEST_F(Who, IdentifiesAnExecutableOfAnOverlayAsStatDoes) {
  const auto dir = std::filesystem::path("/tmp/guard-who-overlay");
  std::filesystem::create_directories(dir);
  ASSERT_EQ(::mount("none", dir.c_str(), "tmpfs", 0, nullptr), 0);  // in a private namespace
  for (const char* name : {"lower", "upper", "work", "merged"})
    std::filesystem::create_directory(dir / name);
  std::filesystem::copy_file("/usr/bin/true", dir / "lower" / "program");
  const auto options = "lowerdir=/usr/bin:" + (dir / "lower").string() +
                       ",upperdir=" + (dir / "upper").string() +
                       ",workdir=" + (dir / "work").string();
  const auto merged = dir / "merged";
  const bool mounted = ::mount("overlay", merged.c_str(), "overlay", 0, options.c_str()) == 0;
  if (mounted) {
    struct stat facts {};
    for (const char* name : {"true", "program"}) {
      const auto program = (merged / name).string();
      const pid_t pid = run({program});
      EXPECT_EQ(::stat(program.c_str(), &facts), 0);
      EXPECT_EQ(who_->find(pid)->actor().exe, program);
      EXPECT_EQ(who_->find(pid)->subject().self.exe, (InodeId{facts.st_dev, facts.st_ino}));
    }
    EXPECT_EQ(::umount2(merged.c_str(), MNT_DETACH), 0);
  }
  EXPECT_EQ(::umount2(dir.c_str(), MNT_DETACH), 0);
  std::filesystem::remove(dir);
  if (!mounted) GTEST_SKIP() << "no overlay file system here";
}

}  // namespace
}  // namespace guard::test
