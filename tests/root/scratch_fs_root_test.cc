// The scratch file system reports events to fanotify, and the machine does not see it.
#include <fcntl.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <string>

#include "policy/base/handle.h"
#include "tests/root/scratch_fs.h"

namespace guard::test {
namespace {

class ScratchFs : public ScratchFsTest {};
GUARD_ON_EVERY_FS(ScratchFs);
GUARD_ON_BTRFS_TOO(ScratchFs);

// The events that arrive within a moment, in one mask.
std::uint64_t events_of(int group, std::chrono::milliseconds patience) {
  alignas(fanotify_event_metadata) std::array<char, 4096> buffer{};
  pollfd waiting{.fd = group, .events = POLLIN, .revents = 0};
  std::uint64_t mask = 0;
  while (poll(&waiting, 1, static_cast<int>(patience.count())) > 0) {
    ssize_t length = read(group, buffer.data(), buffer.size());
    if (length <= 0) break;
    const auto* event = reinterpret_cast<const fanotify_event_metadata*>(buffer.data());
    for (; FAN_EVENT_OK(event, length); event = FAN_EVENT_NEXT(event, length)) mask |= event->mask;
    patience = std::chrono::milliseconds(0);
  }
  return mask;
}

TEST_P(ScratchFs, ReportsACreationInAMarkedDirectory) {
  const Fd group(fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_CLOEXEC, O_RDONLY));
  ASSERT_TRUE(group);
  const std::filesystem::path guarded = root() / "guarded";
  std::filesystem::create_directory(guarded);
  ASSERT_EQ(fanotify_mark(group.get(), FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_CREATE | FAN_ONDIR,
                          AT_FDCWD, guarded.c_str()),
            0);

  std::ofstream(root() / "elsewhere").close();
  EXPECT_EQ(events_of(group.get(), std::chrono::milliseconds(50)), 0U);

  std::ofstream(guarded / "file").close();
  EXPECT_EQ(events_of(group.get(), std::chrono::seconds(5)), FAN_CREATE);
}

TEST_P(ScratchFs, HasTheRequestedTypeAndIsEmpty) {
  struct statfs about {};
  ASSERT_EQ(statfs(root().c_str(), &about), 0);
  const auto type = static_cast<std::uint64_t>(about.f_type);
  switch (GetParam()) {
    case FsType::kTmpfs:
      EXPECT_EQ(type, 0x01021994U);
      break;
    case FsType::kExt4:
      EXPECT_EQ(type, 0xEF53U);
      break;
    case FsType::kXfs:
      EXPECT_EQ(type, 0x58465342U);
      break;
    case FsType::kBtrfs:
      EXPECT_EQ(type, 0x9123683EU);
      break;
  }
  EXPECT_FALSE(std::filesystem::exists(root() / "guarded"));
}

// A "shared" mount would appear on the machine.
TEST_P(ScratchFs, IsInvisibleToTheMachine) {
  std::ifstream mounts("/proc/self/mountinfo");
  bool found = false;
  for (std::string line; std::getline(mounts, line);) {
    EXPECT_EQ(line.find(" shared:"), std::string::npos) << line;
    if (line.find(" " + root().string() + " ") != std::string::npos) found = true;
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace guard::test
