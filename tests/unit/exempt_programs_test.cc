#include "guardd/kernel/exempt_programs.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>
#include <string>

#include "guardd/host/superblock.h"
#include "policy/base/handle.h"
#include "tests/unit/fakes.h"

namespace guard {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kBackupBit = 1U << static_cast<unsigned>(Label::kBackup);

TEST(Superblock, NumberIsReadFromMountinfo) {
  std::istringstream mounts(
      "21 1 0:19 / /sys rw - sysfs sysfs rw\n"
      "22 1 259:3 / / rw - ext4 /dev/root rw\n"
      "121 1 0:42 / /a\\040b rw - btrfs none rw\n");
  EXPECT_EQ(superblock_of_mount(mounts, 121), kernel_device(0, 42));
  mounts.clear();
  mounts.seekg(0);
  EXPECT_EQ(superblock_of_mount(mounts, 22), 259U << 20U | 3U);
  EXPECT_EQ(superblock_of_mount(mounts, 7), std::nullopt);
}

class ExemptProgramsTest : public ::testing::Test {
 protected:
  std::string executable(std::string_view name, std::string_view text =
                                                    "\x7f"
                                                    "ELF") const {
    auto path = directory_.write(name, text);
    EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
    return path;
  }
  static void needs_root() {
    if (::geteuid() != 0) GTEST_SKIP() << "only files that root owns count";
  }
  static ExemptPrograms::Id id_of(const std::string& path) {
    const Fd file(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat facts {};
    EXPECT_EQ(::fstat(file.get(), &facts), 0);
    return {facts.st_ino, superblock_of(file.get()), facts.st_uid};
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(ExemptProgramsTest, FollowsLinks) {
  const auto real = executable("real");
  std::filesystem::create_directory(directory_ / "links");
  std::filesystem::create_symlink("../real", directory_ / "links/one");
  const auto found = find_programs({{directory_ / "links/one", 5}, {real, 2}}, {});
  ASSERT_THAT(found.programs, SizeIs(1));
  EXPECT_EQ(found.programs.at(id_of(real)).exemptions, 7U);
  EXPECT_TRUE(found.directories.contains(directory_ / "links"));
  EXPECT_TRUE(found.directories.contains(directory_ / "links/.."));
}

TEST_F(ExemptProgramsTest, FindsOnlyRegularFiles) {
  EXPECT_THAT(find_programs({{directory_ / "nothing", 1}, {directory_ / "", 1}}, {}).programs,
              IsEmpty());
}

TEST_F(ExemptProgramsTest, LabelsOnlyFilesThatOnlyRootCanWrite) {
  needs_root();
  if (IsSkipped()) return;
  const auto path = executable("restic");
  EXPECT_EQ(find_programs({}, {{path, Label::kBackup}}).programs.at(id_of(path)).labels,
            kBackupBit);
  ASSERT_EQ(::chmod(path.c_str(), 0775), 0);
  EXPECT_THAT(find_programs({}, {{path, Label::kBackup}}).programs, IsEmpty());
  ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  ASSERT_EQ(::chown(path.c_str(), 1000, 0), 0);
  EXPECT_THAT(find_programs({}, {{path, Label::kBackup}}).programs, IsEmpty());
}

TEST_F(ExemptProgramsTest, DoesNotLabelAMulticallBinaryThroughALink) {
  needs_root();
  if (IsSkipped()) return;
  const auto real = executable("busybox");
  std::filesystem::create_symlink("busybox", directory_ / "rpm");
  std::filesystem::create_symlink("busybox", directory_ / "restic");
  EXPECT_THAT(find_programs({}, {{directory_ / "restic", Label::kBackup}}).programs, IsEmpty());
  EXPECT_THAT(
      find_programs({}, {{directory_ / "restic", Label::kBackup}, {real, Label::kBackup}}).programs,
      SizeIs(1));
}

TEST_F(ExemptProgramsTest, FindsScriptsByNameAndInterpreter) {
  needs_root();
  if (IsSkipped()) return;
  const auto interpreter = executable("python3.11");
  std::filesystem::create_symlink("python3.11", directory_ / "python3");
  const auto script =
      executable("a-very-long-script-name", "#! " + (directory_ / "python3") + " -s\nprint()\n");
  const auto found = find_programs({{interpreter, 4}}, {{script, Label::kBackup}});
  ASSERT_THAT(found.programs, SizeIs(1));
  const auto& program = found.programs.at(id_of(interpreter));
  EXPECT_EQ(program.is_interpreter, 1U);
  EXPECT_EQ(program.labels, 0U);
  EXPECT_EQ(program.exemptions, 4U);
  EXPECT_EQ(found.scripts, (std::map<std::string, std::uint32_t>{{"a-very-long-scr", kBackupBit}}));
  EXPECT_THAT(found.hidden, IsEmpty());
}

TEST_F(ExemptProgramsTest, ReportsScriptsThatTheKernelCannotIdentify) {
  needs_root();
  if (IsSkipped()) return;
  const auto script = executable("borg", "#!/usr/bin/env python3\n");
  std::filesystem::create_symlink("borg", directory_ / "other");
  const auto found =
      find_programs({}, {{script, Label::kBackup}, {directory_ / "other", Label::kBackup}});
  EXPECT_THAT(found.programs, IsEmpty());
  EXPECT_THAT(found.scripts, IsEmpty());
  ASSERT_THAT(found.hidden, SizeIs(1));
  EXPECT_EQ(found.hidden.begin()->second.path, script);
}

}  // namespace
}  // namespace guard
