// A loss of power, as a disk sees it: what was written to the image of a file system at one moment,
// mounted anew. Whatever was only in the machine's memory is gone.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "guardd/audit/reader.h"
#include "guardd/audit/trail.h"
#include "guardd/publish/incidents.h"
#include "guardd/publish/record_id.h"
#include "tests/root/scratch_fs.h"
#include "tests/unit/records.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr Trail::Limits kRoomy{std::chrono::hours(24 * 365), std::uint64_t{1} << 40U};

class AuditRoot : public ScratchFsTest {
 protected:
  std::string image() const { return root().string() + ".img"; }
  std::string trail() const { return (root() / "state" / "audit.db").string(); }
};
GUARD_ON_EVERY_FS(AuditRoot);
GUARD_ON_BTRFS_TOO(AuditRoot);

TEST_P(AuditRoot, ALossOfPowerCostsTheLastSecondAtMost) {
  if (GetParam() == FsType::kTmpfs) GTEST_SKIP() << "nothing on a tmpfs survives that";
  std::filesystem::create_directory(root() / "state");
  struct Said {
    std::uint64_t count;
    Clock::time_point when;
  };
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto opened = Trail::open(trail(), kRoomy);
    if (!opened) ::_exit(1);
    Incidents incidents({}, RecordIds(RecordIds::Length::kIncident));
    RecordIds names(RecordIds::Length::kViolation);
    for (std::uint64_t i = 1;; ++i) {
      auto violation = git_violation("/srv/shop/" + std::to_string(i));
      violation.id = names.next(violation.time);
      const auto taken = incidents.add(violation, Clock::now());
      if (taken.opened) (*opened)->incident_opened(*taken.incident);
      (*opened)->violation(violation, *taken.incident);
      const Said said{i, Clock::now()};
      if (::write(pipe[1], &said, sizeof said) != sizeof said) ::_exit(1);
      ::usleep(1000);
    }
  }
  (void)::close(pipe[1]);
  std::vector<Said> all_said;
  const auto end = Clock::now() + 3s;
  for (Said said{}; Clock::now() < end;) {
    ASSERT_EQ(::read(pipe[0], &said, sizeof said), static_cast<ssize_t>(sizeof said));
    all_said.push_back(said);
  }
  // Nothing is written any more but by the kernel, and that not so soon.
  ASSERT_EQ(::kill(child, SIGSTOP), 0);
  const auto lost = Clock::now();
  const auto copy = image() + ".lost";
  ASSERT_EQ(std::system(("cp --sparse=always " + image() + " " + copy).c_str()), 0);  // NOLINT
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  (void)::close(pipe[0]);

  // In its place: two copies of some file systems cannot be mounted at once.
  ASSERT_EQ(::umount2(root().c_str(), 0), 0);
  ASSERT_EQ(std::system(("mount -o loop " + copy + " " + root().string()).c_str()), 0);  // NOLINT
  std::uint64_t older = 0;
  for (const auto& said : all_said)
    if (lost - said.when > 1s) older = said.count;
  EXPECT_GT(older, 100U);
  auto reading = TrailReader::open(trail());
  ASSERT_TRUE(reading) << reading.error().text();
  const auto kept = reading->count({});
  ASSERT_TRUE(kept) << kept.error().text();
  EXPECT_GE(*kept, older) << "of " << all_said.size();
  RecordProperty("kept", static_cast<int>(*kept));
  EXPECT_TRUE(Trail::open(trail(), kRoomy));  // and it goes on
}

}  // namespace
}  // namespace guard::test
