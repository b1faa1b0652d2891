#include "tests/root/scratch_fs.h"

#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <vector>

namespace guard::test {
namespace {

namespace fs = std::filesystem;

// Where the tmpfs of this process is mounted, in a namespace of its own.
const fs::path kBase = "/media";

// mkfs.xfs needs at least 300 MiB. The image is sparse.
constexpr std::uintmax_t kImageBytes = 320U << 20U;

bool is_in_path(const std::string& program) {
  for (const char* const folder : {"/usr/sbin", "/sbin", "/usr/bin", "/bin"}) {
    if (access((fs::path(folder) / program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

// mount loads the module if necessary.
bool kernel_knows(const std::string& type) {
  std::ifstream known("/proc/filesystems");
  for (std::string word; known >> word;) {
    if (word == type) return true;
  }
  return false;
}

Status run(std::vector<std::string> words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int failed =
      posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ);
  if (failed != 0) return Error::from_errno(failed, words[0]);
  int status = 0;
  if (waitpid(child, &status, 0) != child) return Error::from_errno(errno, "waitpid");
  if (status != 0) return Error(words[0] + " failed");
  return {};
}

// The tmpfs that holds all scratch file systems of this process.
Status prepare_base() {
  static bool prepared = false;
  if (prepared) return {};
  if (mount("guard-scratch", kBase.c_str(), "tmpfs", 0, "mode=755") != 0) {
    return Error::from_errno(errno, "mount a tmpfs at " + kBase.string());
  }
  prepared = true;
  return {};
}

Status mount_image(FsType type, const fs::path& image, const fs::path& place) {
  std::ofstream(image).close();
  fs::resize_file(image, kImageBytes);
  const std::string make = std::string("mkfs.") + name_of(type);
  GUARD_CHECK(run({make, "-q", image}));
  return run({"mount", "-t", name_of(type), "-o", "loop", image, place});
}

}  // namespace

const char* name_of(FsType type) {
  switch (type) {
    case FsType::kTmpfs:
      return "tmpfs";
    case FsType::kExt4:
      return "ext4";
    case FsType::kXfs:
      return "xfs";
    case FsType::kBtrfs:
      return "btrfs";
  }
  return "";
}

std::ostream& operator<<(std::ostream& out, FsType type) {
  return out << name_of(type);
}

std::string why_no_scratch_fs(FsType type) {
  if (geteuid() != 0) return "only root can mount";
  if (type == FsType::kTmpfs) return "";
  if (access("/dev/loop-control", R_OK | W_OK) != 0) return "this machine has no loop devices";
  const std::string make = std::string("mkfs.") + name_of(type);
  if (!is_in_path(make)) return make + " is not installed";
  return "";
}

Result<std::unique_ptr<ScratchFs>> ScratchFs::make(FsType type) {
  static int count = 0;
  GUARD_CHECK(prepare_base());
  const std::string name = std::to_string(count++);
  const fs::path place = kBase / name;
  std::error_code failed;
  if (!fs::create_directory(place, failed)) return Error::from_errno(failed.value(), place);
  if (type == FsType::kTmpfs) {
    if (mount("scratch", place.c_str(), "tmpfs", 0, "mode=755") != 0) {
      return Error::from_errno(errno, "mount a tmpfs at " + place.string());
    }
  } else {
    GUARD_CHECK(mount_image(type, kBase / (name + ".img"), place));
  }
  return std::unique_ptr<ScratchFs>(new ScratchFs(place));
}

ScratchFs::~ScratchFs() {
  (void)umount2(root_.c_str(), MNT_DETACH);
}

void ScratchFsTest::SetUp() {
  if (const std::string why = why_no_scratch_fs(GetParam()); !why.empty()) GTEST_SKIP() << why;
  Result<std::unique_ptr<ScratchFs>> made = ScratchFs::make(GetParam());
  if (!made && !kernel_knows(name_of(GetParam()))) {
    GTEST_SKIP() << "this kernel has no " << GetParam();
  }
  ASSERT_TRUE(made) << made.error().text();
  fs_ = *std::move(made);
}

}  // namespace guard::test
