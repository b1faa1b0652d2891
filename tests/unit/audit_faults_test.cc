// The trail when its disk, its file or its reader fails, or guardd is killed.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "guardd/audit/schema.h"
#include "guardd/audit/trail.h"
#include "policy/record/fields.h"
#include "tests/unit/audit_fixture.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

TEST_F(AuditTest, RejectsADirectoryThatOtherUsersCanWrite) {
  ASSERT_EQ(::chmod(directory_.c_str(), 0770), 0);
  EXPECT_THAT(rejection(), HasSubstr("users other than root can write"));
}

TEST_F(AuditTest, RenamesADamagedTrail) {
  std::ofstream(path()) << std::string(4096, 'x');
  const auto trail = open();
  EXPECT_THAT(trail->take_news(), ElementsAre(HasSubstr("a new audit trail has begun")));
  EXPECT_TRUE(std::filesystem::exists(path() + ".broken"));
}

TEST_F(AuditTest, RenamesATrailThatBecomesDamagedAndStartsANewOne) {
  {
    const auto trail = open();
    for (int i = 0; i < 2'000; ++i) tell(*trail, git_violation("/srv/" + std::to_string(i)));
  }
  {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8 * 4096);
    file << std::string(std::filesystem::file_size(path()) - 8 * 4096, 'x');
  }
  {
    const auto trail = open();
    for (int i = 0; i < 100; ++i) tell(*trail, git_violation("/srv/" + std::to_string(i)));
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(path() + ".broken"); }));
    EXPECT_TRUE(eventually([&] { return !trail->take_news().empty(); }));
  }
  tell(*open(), git_violation("/srv/after"));
  EXPECT_FALSE(all().empty());
}

TEST_F(AuditTest, AFullQueueCountsDroppedRecords) {
  constexpr std::size_t kMany = 3 * Trail::kMostQueued;
  std::uint64_t dropped = 0;
  {
    const auto trail = open();
    const auto one = git_violation();
    Incident incident;
    for (std::size_t i = 0; i < kMany; ++i) trail->violation(one, incident);
    dropped = trail->dropped().queue_full;
    EXPECT_EQ(trail->dropped().disk, 0U);
  }
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(*reader().count({}), kMany - dropped);
}

TEST_F(AuditTest, ReportsAFullDiskOnceAndItsEnd) {
  const auto trail = open();
  tell(*trail, git_violation("/srv/shop/first"));
  ASSERT_TRUE(eventually([&] { return all().size() == 1; }));

  (void)std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit full{1, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  tell(*trail, git_violation("/srv/shop/lost"));
  const bool first = eventually([&] { return trail->dropped().disk == 1; });
  tell(*trail, git_violation("/srv/shop/lost"));
  const bool second = eventually([&] { return trail->dropped().disk == 2; });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_TRUE(first && second);
  const auto trouble = trail->take_news();
  ASSERT_THAT(trouble, SizeIs(1));
  EXPECT_FALSE(trouble.front().empty());

  tell(*trail, git_violation("/srv/shop/again"));
  EXPECT_TRUE(eventually([&] { return all().size() == 2; }));
  EXPECT_TRUE(eventually([&] { return trail->take_news() == std::vector<std::string>{""}; }));
  EXPECT_THAT(paths_in(all()), testing::UnorderedElementsAre("/srv/shop/again", "/srv/shop/first"));
  EXPECT_EQ(incidents().front().incident.count, 4U);
}

TEST_F(AuditTest, WaitsForADiskThatIsFullAtTheStart) {
  (void)std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit full{1, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  const auto trail = Trail::open(path(), kRoomy);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_TRUE(trail) << trail.error().text();
  ASSERT_THAT((*trail)->take_news(), SizeIs(1));
  tell(**trail, git_violation());
  EXPECT_TRUE(eventually([&] { return (*trail)->take_news() == std::vector<std::string>{""}; }));
  EXPECT_EQ((*trail)->dropped().disk, 0U);
  EXPECT_THAT(all(), SizeIs(1));
}

// The child reports what it published and when; then it is killed with SIGKILL.
TEST_F(AuditTest, SurvivesKillExceptForTheLastSecond) {
  struct Said {
    std::uint64_t count;
    std::chrono::steady_clock::time_point when;
  };
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto trail = open();
    for (std::uint64_t i = 1;; ++i) {
      tell(*trail, git_violation("/srv/shop/" + std::to_string(i)));
      const Said said{i, std::chrono::steady_clock::now()};
      (void)!::write(pipe[1], &said, sizeof said);
      std::this_thread::sleep_for(1ms);
    }
  }
  (void)::close(pipe[1]);
  std::vector<Said> all_said;
  const auto end = std::chrono::steady_clock::now() + 3s;
  for (Said said{}; std::chrono::steady_clock::now() < end;) {
    ASSERT_EQ(::read(pipe[0], &said, sizeof said), static_cast<ssize_t>(sizeof said));
    all_said.push_back(said);
  }
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  const auto killed = std::chrono::steady_clock::now();
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  (void)::close(pipe[0]);

  std::uint64_t older = 0;
  for (const auto& said : all_said)
    if (killed - said.when > 1s) older = said.count;
  EXPECT_GT(older, 100U);
  const auto kept = all().size();
  EXPECT_GE(kept, older);
  EXPECT_GE(incidents().front().incident.count, older);
  open();  // the trail continues
  EXPECT_EQ(all().size(), kept);
}

TEST_F(AuditTest, CanBeReadWhileItIsWritten) {
  const auto trail = open();
  tell(*trail, git_violation());
  ASSERT_TRUE(eventually([&] { return all().size() == 1; }));
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> read = 0;
  std::jthread other([&] {
    auto reading = reader();
    while (!stop) {
      std::size_t found = 0;
      const auto done = reading.violations({}, [&](const Violation&) { return ++found > 0; });
      EXPECT_TRUE(done) << done.error().text();
      EXPECT_GE(found, read);
      read = found;
    }
  });
  for (int i = 0; i < 3'000; ++i) {
    tell(*trail, git_violation("/srv/shop/" + std::to_string(i)));
    if (i % 1'000 == 0) std::this_thread::sleep_for(300ms);
  }
  EXPECT_TRUE(eventually([&] { return read == 3'001; }));
  stop = true;
  EXPECT_EQ(trail->dropped().disk, 0U);
}

}  // namespace
}  // namespace guard
