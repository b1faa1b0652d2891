// One service that floods, beside another whose files are fixed all the while: directories, events
// and rows of the first cost the second nothing.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kSettle = 50ms;

class Tenants : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    policy("app", "fix", "50ms");
    policy("logged", "fix", "50ms");  // the one that floods
  }
  void reload() {
    const auto before = of_type("reload").size();
    ::kill(daemon(), SIGHUP);
    ASSERT_TRUE(eventually([&] { return of_type("reload").size() > before; }));
  }
  bool health_has(const std::string& words) const {
    const auto all = of_type("health");
    return std::any_of(all.begin(), all.end(), [&](const Json& record) {
      return record.value("health_reason", "").find(words) != std::string::npos;
    });
  }
  // Directories of the service's, a thousand in each.
  static void fill(const std::filesystem::path& place, int count) {
    std::filesystem::create_directory(place);
    for (int i = 0; i < count; ++i) {
      const auto above = place / std::to_string(i / 1000);
      if (i % 1000 == 0) std::filesystem::create_directory(above);
      std::filesystem::create_directory(above / std::to_string(i));
    }
    as_root("chown -R 4242:4242 " + place.string());
  }
};
INSTANTIATE_TEST_SUITE_P(On, Tenants, testing::Values(FsType::kTmpfs),
                         [](const auto& each) { return name_of(each.param); });

// Root creates files in a tree, which only root can read, and measures how long each is root's.
class Repairs {
 public:
  explicit Repairs(const std::filesystem::path& tree) : thread_([this, tree] { run(tree); }) {}
  // Beyond the time that a change takes to settle, at the 99th percentile.
  std::chrono::milliseconds delay() {
    stop_ = true;
    thread_.join();
    std::sort(delays_.begin(), delays_.end());
    if (delays_.empty()) return std::chrono::hours(1);
    const auto at = delays_[delays_.size() * 99 / 100] - kSettle;
    return std::chrono::duration_cast<std::chrono::milliseconds>(at);
  }

 private:
  void run(const std::filesystem::path& tree) {
    for (int i = 0; !stop_; ++i) {
      const auto path = tree / ("repair" + std::to_string(i));
      const auto since = Clock::now();
      ::close(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
      struct stat facts {};
      while (::stat(path.c_str(), &facts) == 0 && facts.st_uid != kApp &&
             Clock::now() - since < 20s)
        std::this_thread::sleep_for(1ms);
      delays_.push_back(Clock::now() - since);
      std::this_thread::sleep_for(5ms);
    }
  }

  std::atomic<bool> stop_ = false;
  std::vector<Clock::duration> delays_;
  std::thread thread_;
};

TEST_P(Tenants, DirectoriesOfOneDelayNoOther) {
  constexpr int kMany = 200'000;
  constexpr auto kMost = 100ms;
  fill(other_ / "big", kMany);
  start();
  const auto last =
      logged_ / "big" / std::to_string((kMany - 1) / 1000) / std::to_string(kMany - 1);
  {
    Repairs repairs(tree_);
    std::filesystem::rename(other_ / "big", logged_ / "big");
    std::ofstream(last / "file").close();
    const auto is_watched = [&] { return owner(last / "file") == kApp; };
    EXPECT_TRUE(eventually(is_watched) || eventually(is_watched));
    EXPECT_LT(repairs.delay(), kMost) << "while they came";
  }
  {
    Repairs repairs(tree_);
    reload();
    policy("logged", "fix", "50ms", "exclude = [\"nothing/**\"]");
    reload();
    std::this_thread::sleep_for(2s);
    EXPECT_LT(repairs.delay(), kMost) << "during reloads";
  }
  {
    Repairs repairs(tree_);
    std::filesystem::rename(logged_ / "big", other_ / "big");
    std::this_thread::sleep_for(1s);
    EXPECT_LT(repairs.delay(), kMost) << "while they went";
  }
}

TEST_P(Tenants, AnOverflowOfOneCostsNoOtherItsEvidence) {
  std::size_t limit = 16384;
  std::ifstream("/proc/sys/fs/fanotify/max_queued_events") >> limit;
  if (limit > 100'000) GTEST_SKIP() << "this machine queues " << limit << " events";
  as_app("mkdir $T/../logged/d");
  start();
  as_app("umask 077; echo secret > $T/own");
  let_settle();
  ::kill(daemon(), SIGSTOP);
  as_root("chown root:root $T/own");
  for (std::size_t i = 0; i < limit + 2000; ++i)
    std::ofstream(logged_ / "d" / std::to_string(i)).close();
  ::kill(daemon(), SIGCONT);
  EXPECT_TRUE(becomes_apps("own"));
  EXPECT_TRUE(eventually([&] { return health_has("overflowed, in the trees of the policy"); }));
  EXPECT_TRUE(health_has("\"logged\"")) << Json(of_type("health")).dump(1);
  EXPECT_FALSE(health_has("policy \"app\""));
}

TEST_P(Tenants, DirectoriesBeyondTheLimitAreSaid) {
  std::ofstream(root() / "guardd.toml") << "[limits]\ndirectories = 100\n";
  options_ = {"--config", (root() / "guardd.toml").string()};
  as_app("cd $T/../logged; mkdir many; cd many; mkdir $(seq 200)");
  start();
  EXPECT_TRUE(eventually([&] { return health_has("the policy \"logged\" has more directories"); }));
  EXPECT_FALSE(health_has("the policy \"app\" has more"));
  as_root("umask 077; mkdir $T/d; touch $T/d/file");
  EXPECT_TRUE(becomes_apps("d/file"));
  as_app("rm -r $T/../logged/many");
  EXPECT_TRUE(eventually([&] {
    const auto all = of_type("health");
    return all.back().value("health_reason", "").find("more directories") == std::string::npos;
  }));
  as_app("mkdir $T/../logged/again");
  as_root("umask 077; touch $T/../logged/again/file");
  EXPECT_TRUE(eventually([&] { return owner(logged_ / "again/file") == kApp; }));
}

}  // namespace
}  // namespace guard::test
