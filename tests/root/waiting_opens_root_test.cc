// No open waits for ever, whatever happens to the daemon. Each test has a deadline that ends the
// daemon and its marks.
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "policy/base/handle.h"
#include "tests/root/permission_fixture.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class WaitingOpens : public PermissionTest {
 protected:
  // How many groups of the kernel the daemon has.
  int groups() const {
    int count = 0;
    for (const auto& each : fs::directory_iterator("/proc/" + std::to_string(daemon()) + "/fd"))
      if (fs::read_symlink(each) == "anon_inode:[fanotify]") ++count;
    return count;
  }
};
GUARD_ON_EVERY_FS(WaitingOpens);
GUARD_ON_BTRFS_TOO(WaitingOpens);

// Threads that open and close a file as fast as they can until destroyed.
class Openers {
 public:
  Openers(const fs::path& file, int count) {
    for (int i = 0; i < count; ++i)
      threads_.emplace_back([this, file](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          const auto began = Clock::now();
          const Fd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
          const std::int64_t took = (Clock::now() - began) / 1ms;
          if (!opened) ++failed_;
          ++opened_;
          for (auto longest = longest_.load();
               took > longest && !longest_.compare_exchange_weak(longest, took);) {
          }
        }
      });
  }
  ~Openers() {
    threads_.clear();
    // The kernel's own watchdog (6.18) is no measure: it can take two events for one.
    EXPECT_LT(longest_, 20'000);
  }
  Openers(const Openers&) = delete;
  Openers& operator=(const Openers&) = delete;
  int opened() const { return opened_; }
  int failed() const { return failed_; }
  bool continue_opening() const {
    const int before = opened_;
    return DaemonTestTime::eventually([&] { return opened_ > before + 100; });
  }

 private:
  struct DaemonTestTime : DaemonTest {
    using DaemonTest::eventually;
  };
  using Clock = std::chrono::steady_clock;

  std::atomic<int> opened_ = 0;
  std::atomic<int> failed_ = 0;
  std::atomic<std::int64_t> longest_ = 0;  // milliseconds
  std::vector<std::jthread> threads_;
};

// By default root has 128 for all that watch this machine.
TEST_P(WaitingOpens, OnePolicyTakesFewGroups) {
  guard_app("deny", "50ms");
  start();
  EXPECT_TRUE(eventually([&] { return groups() >= 3; }));
  EXPECT_LE(groups(), 4);
}

TEST_P(WaitingOpens, AKilledDaemonReleasesOpens) {
  guard_app("deny", "50ms", "guard = [\"ownership\", \"content\"]\n");
  start();
  const Openers openers(at("conf"), 4);
  EXPECT_TRUE(openers.continue_opening());
  kill_it();
  EXPECT_TRUE(openers.continue_opening());
  start();
  EXPECT_TRUE(openers.continue_opening());
  EXPECT_EQ(error_of("conf", O_WRONLY), EPERM);
  EXPECT_EQ(stop(), 0);
  EXPECT_TRUE(openers.continue_opening());
  EXPECT_EQ(openers.failed(), 0);
  EXPECT_EQ(error_of("conf", O_WRONLY), 0);
}

// A stopped daemon blocks opens until systemd's watchdog kills it, as this test does.
TEST_P(WaitingOpens, AStoppedDaemonThatIsKilledReleasesOpens) {
  guard_app("deny", "50ms", "guard = [\"content\"]\n");
  start();
  const Openers openers(at("conf"), 2);
  EXPECT_TRUE(openers.continue_opening());
  ::kill(daemon(), SIGSTOP);
  std::this_thread::sleep_for(200ms);
  const int before = openers.opened();
  kill_it();
  EXPECT_TRUE(openers.continue_opening());
  EXPECT_GT(openers.opened(), before);
  EXPECT_EQ(openers.failed(), 0);
}

// Opens do not wait for the core to be written.
TEST_P(WaitingOpens, ACrashReleasesOpensFirst) {
  guard_app("deny", "50ms", "guard = [\"content\"]\n");
  start();
  const Openers openers(at("conf"), 2);
  EXPECT_TRUE(openers.continue_opening());
  ::kill(daemon(), SIGSEGV);
  EXPECT_TRUE(openers.continue_opening());
  EXPECT_EQ(openers.failed(), 0);
  EXPECT_NE(stop(), 0);
}

TEST_P(WaitingOpens, ReloadsBlockNoOpenAndLeaveNoGap) {
  const auto* kGuards = "guard = [\"content\"]\n";
  guard_app("deny", "50ms", kGuards);
  start();
  const Openers openers(at("conf"), 2);
  for (int i = 0; i < 20; ++i) {
    guard_app("deny", i % 2 ? "50ms" : "60ms", kGuards);
    const auto before = of_type("reload").size();
    ::kill(daemon(), SIGHUP);
    while (of_type("reload").size() == before) EXPECT_EQ(error_of("conf", O_WRONLY), EPERM);
  }
  EXPECT_TRUE(openers.continue_opening());
  EXPECT_EQ(openers.failed(), 0);
  guard_app("fix", "50ms", kGuards);
  ::kill(daemon(), SIGHUP);
  EXPECT_TRUE(eventually([&] { return error_of("conf", O_WRONLY) == 0; }));
  guard_app("deny", "50ms", kGuards);
  ::kill(daemon(), SIGHUP);
  EXPECT_TRUE(eventually([&] { return error_of("conf", O_WRONLY) == EPERM; }));
}

// By default root has 128 groups. Two of these tests at once would use them up, so this runs on one
// file system only.
TEST_P(WaitingOpens, AReloadUsesNoMoreGroupsThanItNeeds) {
  if (GetParam() != FsType::kTmpfs) GTEST_SKIP() << "runs on tmpfs only";
  constexpr int kPolicies = 70;
  for (int i = 0; i < kPolicies; ++i) {
    const auto name = "p" + std::to_string(i);
    fs::create_directory(root() / "srv" / name);
    ASSERT_EQ(::chown((root() / "srv" / name).c_str(), kApp, kApp), 0);
    policy(name, "deny", "50ms");
  }
  start();
  // Others watch this machine, too: one for each policy that denies, and those that watch.
  constexpr int kWatching = 20;
  EXPECT_LE(groups(), kPolicies + kWatching);
  policy("p0", "deny", "60ms");
  ::kill(daemon(), SIGHUP);
  ASSERT_TRUE(eventually([&] { return !of_type("reload").empty(); }));
  for (int i = 0; i < kPolicies; ++i) {
    const auto path = root() / "srv" / ("p" + std::to_string(i)) / "new";
    EXPECT_TRUE(eventually([&] {  // its tree may not be marked yet
      fs::remove(path);
      return !Fd(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) && errno == EPERM;
    })) << i;
  }
  for (const auto& record : of_type("health"))
    EXPECT_EQ(record.value("health_reason", "").find("denies no opens"), std::string::npos)
        << record;
}

// A truncating open delays the freeze of its file system, and a fix waits for the thaw: the open
// must not wait for the fix.
TEST_P(WaitingOpens, AFreezeBlocksNoOpenForLong) {
  if (GetParam() == FsType::kTmpfs) GTEST_SKIP() << "a tmpfs cannot be frozen";
  guard_app("fix", "10s", "fix_at = \"open\"\n");
  start();
  std::atomic<bool> done = false;
  std::jthread opener([&] {
    for (int i = 0; !done; ++i) {
      const auto path = at("dir") / std::to_string(i);
      const Fd file(::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644));
    }
  });
  const Fd system(::open(root().c_str(), O_RDONLY | O_CLOEXEC));
  for (int i = 0; i < 5; ++i) {
    const auto began = std::chrono::steady_clock::now();
    ASSERT_EQ(::ioctl(system.get(), FIFREEZE, 0), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
    // Other opens are answered meanwhile.
    EXPECT_EQ(error_of("conf", O_RDONLY), 0);
    std::this_thread::sleep_for(700ms);
    ASSERT_EQ(::ioctl(system.get(), FITHAW, 0), 0);
    std::this_thread::sleep_for(50ms);
  }
  done = true;
}

// A thread that waits for a frozen file system ignores signals until the thaw. It must not keep
// other opens waiting.
TEST_P(WaitingOpens, AKilledDaemonReleasesOpensWhileItsFileSystemIsFrozen) {
  if (GetParam() == FsType::kTmpfs) GTEST_SKIP() << "a tmpfs cannot be frozen";
  settings("[answer]\ndeadline = \"60s\"\n");
  guard_app("fix", "50ms", "fix_at = \"open\"\n");
  fs::create_directory(root() / "srv" / "denied");
  ASSERT_EQ(::chown((root() / "srv" / "denied").c_str(), kApp, kApp), 0);
  std::ofstream(root() / "srv" / "denied" / "file") << "x";
  policy("denied", "deny", "50ms", "guard = [\"ownership\", \"content\"]\n");
  start();
  std::atomic<int> back = 0;
  ::kill(daemon(), SIGSTOP);
  const Openers openers(root() / "srv" / "denied" / "file", 2);
  std::vector<std::jthread> creators;
  for (int i = 0; i < 4; ++i)
    creators.emplace_back([&, i] {
      const auto path = at("dir") / std::to_string(i);
      const Fd file(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
      EXPECT_TRUE(file);
      ++back;
    });
  as_root("mkdir $T/made; ln -s x $T/linked");
  EXPECT_TRUE(eventually([&] { return fs::exists(at("dir/3")); }));
  std::this_thread::sleep_for(100ms);
  const Fd system(::open(root().c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::ioctl(system.get(), FIFREEZE, 0), 0);
  ::kill(daemon(), SIGCONT);
  EXPECT_TRUE(openers.continue_opening());  // they do not wait for the fixers
  std::this_thread::sleep_for(300ms);       // the fixers have begun by then
  ::kill(daemon(), SIGKILL);
  EXPECT_TRUE(openers.continue_opening());
  EXPECT_TRUE(eventually([&] { return back == 4; }));
  EXPECT_EQ(openers.failed(), 0);
  ASSERT_EQ(::ioctl(system.get(), FITHAW, 0), 0);
  kill_it();
}

// Here the deadline denies, which few machines would want.
TEST_P(WaitingOpens, ALateAnswerFollowsTheSettings) {
  if (GetParam() == FsType::kTmpfs) GTEST_SKIP() << "a tmpfs cannot be frozen";
  settings("[answer]\ndeadline = \"200ms\"\non_deadline = \"deny\"\n");
  guard_app("fix", "10s", "fix_at = \"open\"\n");
  start();
  std::atomic<bool> done = false;
  std::atomic<int> denied = 0;
  std::atomic<int> failed = 0;
  std::vector<std::jthread> openers;
  for (int worker = 0; worker < 4; ++worker)
    openers.emplace_back([&, worker] {
      for (int i = 0; !done; ++i) {
        const auto path = at("dir") / (std::to_string(worker) + "." + std::to_string(i));
        const Fd file(::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644));
        if (!file) ++(errno == EPERM ? denied : failed);
      }
    });
  const Fd system(::open(root().c_str(), O_RDONLY | O_CLOEXEC));
  for (int i = 0; i < 10 && denied == 0; ++i) {
    ASSERT_EQ(::ioctl(system.get(), FIFREEZE, 0), 0);
    std::this_thread::sleep_for(400ms);  // an open of a new file waits for its chown
    ASSERT_EQ(::ioctl(system.get(), FITHAW, 0), 0);
    std::this_thread::sleep_for(20ms);
  }
  done = true;
  openers.clear();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(stop(), 0);
  const auto record = of_type("stop").back();
  EXPECT_EQ(record["asked"], record["answered"]) << record;
  EXPECT_EQ(record.value("answered_late", 0), denied) << record;
  EXPECT_GT(denied, 0);
}

// More opens at once than fit in the queue: by default they are allowed and fixed afterwards.
TEST_P(WaitingOpens, AnAnswerUnderOverloadFollowsTheSettings) {
  if (GetParam() == FsType::kTmpfs) GTEST_SKIP() << "a tmpfs cannot be frozen";
  for (const std::string what : {"allow", "deny"}) {
    settings("[answer]\ndeadline = \"60s\"\non_overload = \"" + what + "\"\n");
    guard_app("fix", "50ms", "fix_at = \"open\"\n");
    start();
    std::atomic<int> denied = 0;
    std::atomic<int> failed = 0;
    ::kill(daemon(), SIGSTOP);  // until all of them wait
    const auto began = std::chrono::steady_clock::now();
    auto took = began - began;
    {
      std::vector<std::jthread> openers;
      for (int i = 0; i < 400; ++i)
        openers.emplace_back([&, i] {
          const auto path = at("dir") / (std::to_string(i) + ".made");
          const Fd file(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
          if (!file) ++(errno == EPERM ? denied : failed);
        });
      const auto is_made = [&](const fs::path& path) { return path.extension() == ".made"; };
      EXPECT_TRUE(eventually(
          [&] { return std::count_if(fs::directory_iterator(at("dir")), {}, is_made) == 400; }));
      std::this_thread::sleep_for(100ms);
      const Fd system(::open(root().c_str(), O_RDONLY | O_CLOEXEC));
      ASSERT_EQ(::ioctl(system.get(), FIFREEZE, 0), 0);
      took = std::chrono::steady_clock::now() - began;
      ::kill(daemon(), SIGCONT);  // the fixers wait now
      std::this_thread::sleep_for(2s);
      ASSERT_EQ(::ioctl(system.get(), FITHAW, 0), 0);
    }
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(stop(), 0);
    const auto record = of_type("stop").back();
    const int unseen = record.value("answered_unseen", -1);
    EXPECT_EQ(record["asked"], record["answered"]) << record;
    EXPECT_EQ(record["answered_late"], 0) << record;
    EXPECT_EQ(denied, what == "allow" ? 0 : unseen) << record;
    as_root("rm -f $T/dir/*.made");
    // After half a second a file is not new any more, and is not fixed at open.
    if (unseen == 0 && took > 300ms) GTEST_SKIP() << "this machine is too slow for an overload";
    EXPECT_GT(unseen, 0) << record;
  }
}

// Each gets the answer that it would get alone, whichever thread gives it.
TEST_P(WaitingOpens, ManyAtOnceGetTheRightAnswers) {
  settings("[answer]\nthreads = 4\n");
  guard_app("deny", "50ms", "guard = [\"ownership\", \"content\"]\n");
  as_app("echo mine > $T/dir/mine; chmod a+rw $T/conf $T/dir/mine; chmod a+rwx $T/dir");
  start();
  constexpr int kOpeners = 8;
  const int rounds = GetParam() == FsType::kTmpfs ? 500 : 100;
  std::atomic<int> wrong = 0;
  const auto expect = [&](const fs::path& path, int flags, int wanted) {
    const Fd file(::open(path.c_str(), flags | O_CLOEXEC, 0644));
    const int got = file ? 0 : errno;
    if (got == wanted) return;
    ++wrong;
    ADD_FAILURE() << path << ' ' << flags << ": " << got;
  };
  {
    std::vector<std::jthread> openers;
    for (int opener = 0; opener < kOpeners; ++opener)
      openers.emplace_back([&, opener] {
        const auto made = at("dir") / ("new." + std::to_string(opener));
        for (int i = 0; i < rounds; ++i) {
          expect(at("conf"), O_RDONLY, 0);
          expect(at("conf"), O_RDWR, EPERM);
          open_how how{};
          how.flags = O_WRONLY | O_CLOEXEC;
          const Fd file(static_cast<int>(
              ::syscall(SYS_openat2, AT_FDCWD, at("dir/mine").c_str(), &how, sizeof how)));
          if (file || errno != EPERM) ADD_FAILURE() << "openat2 " << errno << ' ' << ++wrong;
          if (i % 20 == 0) expect(made, O_CREAT | O_EXCL | O_WRONLY, EPERM);
          // Until it is removed, none can open what a denied open made.
          const Fd left(i % 20 == 0 ? ::open(made.c_str(), O_RDONLY | O_CLOEXEC) : -1);
          struct stat found {};
          if (left && ::fstat(left.get(), &found) == 0 && found.st_nlink > 0)
            ADD_FAILURE() << "opened " << ++wrong;
          if (i % 20 == 0 && !eventually([&] { return !fs::exists(made); }))
            ADD_FAILURE() << "left " << ++wrong;
        }
      });
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(stop(), 0);
  const auto record = of_type("stop").back();
  EXPECT_EQ(record["asked"], record["answered"]) << record;
  EXPECT_EQ(record["answered_late"], 0) << record;
}

// Many opens while the policies keep changing and the audit trail has no space.
TEST_P(WaitingOpens, AStormDuringReloadsLosesNoAnswer) {
  const auto full = root() / "full";
  fs::create_directory(full);
  as_root("mount -t tmpfs -o size=256k,mode=700 full " + full.string() + "; cd " + full.string() +
          "; dd if=/dev/zero of=it bs=4k status=none 2>/dev/null || true");
  settings("[answer]\nthreads = 4\n[audit]\npath = \"" + full.string() + "\"\n");
  const auto* seconds = std::getenv("GUARD_STORM_SECONDS");  // NOLINT(concurrency-mt-unsafe)
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds(seconds ? std::stoi(seconds) : 6);
  const auto* kGuards = "guard = [\"ownership\", \"content\"]\n";
  guard_app("deny", "50ms", kGuards);
  start();
  {
    const Openers openers(at("conf"), 8);
    for (int i = 0; std::chrono::steady_clock::now() < end; ++i) {
      guard_app("deny", i % 2 ? "50ms" : "60ms", kGuards);
      ::kill(daemon(), SIGHUP);
      EXPECT_EQ(error_of("conf", O_WRONLY), EPERM);
      std::this_thread::sleep_for(500ms);
    }
    EXPECT_EQ(openers.failed(), 0);
  }
  EXPECT_EQ(stop(), 0);
  const auto record = of_type("stop").back();
  EXPECT_EQ(record["asked"], record["answered"]) << record;
  EXPECT_GT(record["asked"], 1000) << record;
  EXPECT_GT(record["lost"], 0) << record;  // each denial, in the audit trail
  ASSERT_EQ(::umount2(full.c_str(), MNT_DETACH), 0);
  EXPECT_EQ(record["answered_late"], 0) << record;
  EXPECT_EQ(record["answered_unseen"], 0) << record;
}

// guardd's own opens never wait.
TEST_P(WaitingOpens, TheStateDirectoryMayBeInATree) {
  as_root("mkdir -m 700 $T/state");
  guard_app("deny", "50ms",
            "guard = [\"ownership\", \"content\", \"read\"]\nexclude = [\"nothing\"]\n");
  state_ = tree_ / "state";
  start();
  EXPECT_EQ(error_of("conf", O_RDONLY), EPERM);
  as_root("mkdir $T/made");
  EXPECT_TRUE(becomes_apps("made"));
  EXPECT_EQ(stop(), 0);
}

}  // namespace
}  // namespace guard::test
