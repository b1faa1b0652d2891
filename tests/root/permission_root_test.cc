// Opens that wait for permission: which are denied, which files are fixed before their opens
// return, and that no open waits for ever, whatever happens to the daemon. Each test has a deadline
// that ends the daemon and its marks.
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "policy/base/handle.h"
#include "tests/root/daemon_fixture.h"
#include "tests/root/uring.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class Permission : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    as_app("umask 027; echo right > $T/conf; mkdir $T/dir; echo a > $T/dir/a");
  }
  fs::path at(const char* name) const { return tree_ / name; }
  void settings(const std::string& text) {
    const auto file = root() / "guardd.toml";
    std::ofstream(file) << text;
    options_ = {"--config", file.string()};
  }
  // 0 or errno.
  int error_of(const char* name, int flags) const {
    const Fd file(::open(at(name).c_str(), flags | O_CLOEXEC, 0640));
    return file ? 0 : errno;
  }
  int error_of_app(const char* name, int flags) const { return error_as(kApp, name, flags); }
  int error_as(uid_t user, const char* name, int flags) const {
    const pid_t child = ::fork();
    if (child == 0) {
      if (::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0) ::_exit(255);
      ::_exit(error_of(name, flags));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string text(const char* name) const {
    std::ifstream in(at(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Json last(const char* name, const std::string& action) const {
    Json found;
    EXPECT_TRUE(eventually([&] {
      for (const auto& each : violations(at(name)))
        if (each["action"] == action) found = each;
      return !found.is_null();
    })) << name
        << " " << action;
    return found;
  }
  bool disappears(const char* name) const {
    return eventually([&] { return !fs::exists(fs::symlink_status(at(name))); });
  }
};
GUARD_ON_EVERY_FS(Permission);
GUARD_ON_BTRFS_TOO(Permission);

TEST_P(Permission, ADeniedCreationLeavesNoFile) {
  guard_app("deny");
  start();
  const int kHow[] = {O_CREAT | O_WRONLY, O_CREAT | O_RDWR | O_APPEND, O_CREAT | O_EXCL | O_RDONLY,
                      O_CREAT | O_WRONLY | O_TRUNC};
  int number = 0;
  for (const int flags : kHow) {
    const auto name = "dir/new" + std::to_string(++number);
    EXPECT_EQ(error_of(name.c_str(), flags), EPERM) << flags;
    EXPECT_TRUE(disappears(name.c_str())) << flags;
    const auto record = last(name.c_str(), "denied");
    EXPECT_EQ(record["operation"], "create");
    EXPECT_EQ(record["guard"], "ownership");
    EXPECT_EQ(record["pid"], ::getpid());
    EXPECT_EQ(fs::path(record["exe"].get<std::string>()).filename(), "permission_root_test");
    EXPECT_FALSE(record.contains("reason")) << record;
  }
  EXPECT_EQ(error_of("dir", O_TMPFILE | O_WRONLY), EPERM);
  EXPECT_EQ(error_of_app("owners", O_CREAT | O_WRONLY), 0);
  EXPECT_EQ(owner(at("owners")), kApp);
  // Opening an existing file is no violation here.
  EXPECT_EQ(error_of("conf", O_RDWR), 0);
  EXPECT_EQ(error_of("conf", O_RDWR | O_CREAT), 0);
  EXPECT_EQ(text("conf"), "right\n");
  EXPECT_TRUE(violations(at("conf")).empty());
}

TEST_P(Permission, ADirectoryThatHasLeftIsNotGuarded) {
  guard_app("deny", "50ms", "guard = [\"ownership\", \"content\"]\n");
  start();
  EXPECT_EQ(error_of("dir/a", O_WRONLY), EPERM);
  fs::rename(at("dir"), other_ / "dir");
  EXPECT_EQ(Fd(::open((other_ / "dir/a").c_str(), O_WRONLY | O_CLOEXEC)) ? 0 : errno, 0);
  EXPECT_EQ(
      Fd(::open((other_ / "dir/new").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0640)) ? 0 : errno,
      0);
  let_settle();
  EXPECT_TRUE(violations_below(other_).empty());
  fs::rename(other_ / "dir", at("dir"));
  EXPECT_TRUE(eventually([&] { return error_of("dir/a", O_WRONLY) == EPERM; }));
}

TEST_P(Permission, OtherSystemCallsThatOpenAreJudgedToo) {
  guard_app("deny", "50ms", "guard = [\"ownership\", \"content\"]\n");
  start();
  ::open_how how{};
  how.flags = O_CREAT | O_WRONLY;
  how.mode = 0600;
  const auto openat2 = [&](const char* name) {
    const Fd file(
        static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, at(name).c_str(), &how, sizeof how)));
    return file ? 0 : errno;
  };
  EXPECT_EQ(openat2("by_openat2"), EPERM);
  EXPECT_TRUE(disappears("by_openat2"));
  how = {};
  how.flags = O_WRONLY;
  EXPECT_EQ(openat2("conf"), EPERM);
  how.flags = O_RDONLY;
  EXPECT_EQ(openat2("conf"), 0);
  EXPECT_EQ(::creat(at("by_creat").c_str(), 0600), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_TRUE(disappears("by_creat"));
  Uring ring;
  if (ring.works()) {
    EXPECT_EQ(ring.openat(at("by_uring").c_str(), O_CREAT | O_WRONLY, 0600), -EPERM);
    EXPECT_TRUE(disappears("by_uring"));
    // Its flags cannot be read: judged as a write.
    EXPECT_EQ(ring.openat(at("conf").c_str(), O_WRONLY, 0), -EPERM);
  }
  // Through another mount, as from a container.
  const auto elsewhere = root() / "elsewhere";
  fs::create_directory(elsewhere);
  as_root("mount --bind $T " + elsewhere.string());
  EXPECT_EQ(::open((elsewhere / "conf").c_str(), O_WRONLY | O_CLOEXEC), -1);
  EXPECT_EQ(errno, EPERM);
  // The file of a report stays open for a moment.
  EXPECT_TRUE(eventually([&] { return ::umount(elsewhere.c_str()) == 0; }));
  EXPECT_EQ(text("conf"), "right\n");
}

TEST_P(Permission, TheContentGuardDeniesWritersOnly) {
  guard_app("deny", "50ms", "guard = [\"content\"]\n");
  start();
  for (const int flags : {O_WRONLY, O_RDWR, O_WRONLY | O_APPEND, O_WRONLY | O_TRUNC,
                          O_RDONLY | O_TRUNC, O_WRONLY | O_CREAT | O_TRUNC})
    EXPECT_EQ(error_of("conf", flags), EPERM) << flags;
  EXPECT_EQ(text("conf"), "right\n");
  const auto record = last("conf", "denied");
  EXPECT_EQ(record["guard"], "content");
  EXPECT_EQ(record["size"], facts(at("conf")).st_size);
  EXPECT_TRUE(record.contains("mtime")) << record;
  EXPECT_TRUE(record.contains("ctime")) << record;
  EXPECT_EQ(error_of("conf", O_RDONLY), 0);
  EXPECT_EQ(error_of("dir", O_RDONLY | O_DIRECTORY), 0);
  EXPECT_EQ(error_of_app("conf", O_RDWR), 0);
  EXPECT_EQ(error_of("new", O_CREAT | O_WRONLY), 0);  // there is no content yet
  as_root("cat $T/conf > /dev/null && grep -q right $T/conf");
  // A change without an open is reported, not denied.
  ASSERT_EQ(::truncate(at("conf").c_str(), 2), 0);
  EXPECT_EQ(last("conf", "logged")["operation"], "truncate");
}

TEST_P(Permission, TheReadGuardDeniesReaders) {
  guard_app("deny", "50ms", "guard = [\"read\"]\n");
  start();
  EXPECT_EQ(error_of("conf", O_RDONLY), EPERM);
  EXPECT_EQ(error_of("conf", O_RDWR), EPERM);
  EXPECT_EQ(last("conf", "denied")["operation"], "read");
  EXPECT_EQ(error_of_app("conf", O_RDONLY), 0);
  EXPECT_EQ(error_of("conf", O_WRONLY), 0);
  EXPECT_EQ(error_of("conf", O_PATH), 0);
}

TEST_P(Permission, RulesExcludesAndAllowsApply) {
  guard_app("deny", "50ms",
            "guard = [\"ownership\", \"content\"]\nexclude = [\"free/**\", \"*.free\"]\n"
            "[[policy.rule]]\nmatch = [\"logged*\"]\naction = \"log\"\n"
            "[[policy.allow]]\nuser = 4343\n[[policy.allow]]\nuser = 4444\neffect = \"ignore\"\n");
  as_app(
      "mkdir -m 777 $T/free; echo x > $T/logged; echo x > $T/x.free; echo x > $T/free/x; "
      "chmod a+w $T/conf $T/logged $T/x.free $T/free/x");
  start();
  EXPECT_EQ(error_of("conf", O_WRONLY), EPERM);
  EXPECT_EQ(error_of("x.free", O_WRONLY), 0);
  EXPECT_EQ(error_of("free/x", O_WRONLY), 0);
  EXPECT_EQ(error_of("free/new", O_WRONLY | O_CREAT), 0);
  EXPECT_EQ(error_of("logged", O_WRONLY), 0);
  EXPECT_EQ(last("logged", "logged")["operation"], "write");
  EXPECT_EQ(error_as(4343, "conf", O_WRONLY), 0);
  EXPECT_EQ(last("conf", "logged")["fsuid"], 4343);
  const auto record = violations(at("conf")).size();
  EXPECT_EQ(error_as(4444, "conf", O_WRONLY), 0);
  EXPECT_EQ(error_as(4545, "conf", O_WRONLY), EPERM);
  EXPECT_TRUE(eventually([&] { return violations(at("conf")).size() == record + 1; }));
}

TEST_P(Permission, WhatCannotBeDeniedIsFixed) {
  if (on_lsm()) GTEST_SKIP() << "the LSM denies all of it";
  guard_app("deny");
  start();
  as_root("mkdir $T/made; ln -s conf $T/link; echo x > $O/x; mv $O/x $T/moved; chown 0 $T/conf");
  for (const auto* name : {"made", "link", "moved", "conf"})
    EXPECT_TRUE(becomes_apps(name)) << name;
  // A new directory of root's is guarded once it has been fixed.
  EXPECT_TRUE(eventually([&] { return error_of("made/new", O_CREAT | O_WRONLY) == EPERM; }));
}

TEST_P(Permission, TheOwnerIsFixedBeforeTheOpenReturns) {
  settings("[answer]\ndeadline = \"10s\"\n");  // late answers are another test's
  guard_app("fix", "10s", "fix_at = \"open\"\nfile_mode = \"0640\"\n");
  as_app("chmod 755 $T $T/dir");
  start();
  ::umask(0);
  const auto* wanted = std::getenv("GUARD_OPENS");                  // NOLINT(concurrency-mt-unsafe)
  const bool is_emulated = std::getenv("GUARD_KERNEL") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  // A race would not depend on the file system.
  const int usual = GetParam() == FsType::kTmpfs ? 50'000 : 5'000;
  const int tries = wanted ? std::stoi(wanted) / 2 : is_emulated ? 300 : usual;
  std::atomic<int> wrong = 0;
  const auto work = [&](int worker) {
    for (int i = 0; i < tries; ++i) {
      const auto path = at("dir") / (std::to_string(worker) + "." + std::to_string(i));
      const Fd file(::open(path.c_str(), O_CREAT | O_WRONLY | (i % 2 ? O_EXCL : O_TRUNC), 0666));
      struct stat seen {};
      if (!file || ::fstat(file.get(), &seen) != 0 || seen.st_uid != kApp || seen.st_gid != kApp ||
          (seen.st_mode & 07777) != 0640 || ::write(file.get(), "x", 1) != 1)
        ++wrong;
      if (i % 3) ::unlink(path.c_str());
    }
  };
  std::thread first(work, 1);
  std::thread second(work, 2);
  first.join();
  second.join();
  ::umask(022);
  EXPECT_EQ(wrong, 0);
  const auto record = last("dir/1.0", "fixed");
  EXPECT_EQ(record["operation"], "create");
  EXPECT_EQ(record["uid_before"], 0);
  EXPECT_EQ(record["uid_after"], kApp);
  EXPECT_EQ(record["mode_before"], "0666");
  EXPECT_EQ(record["mode_after"], "0640");
  const Fd nameless(::open(at("dir").c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  struct stat seen {};
  ASSERT_EQ(::fstat(nameless.get(), &seen), 0);
  EXPECT_EQ(seen.st_uid, kApp);
}

// ---- no open waits for ever

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

TEST_P(Permission, AKilledDaemonReleasesOpens) {
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
TEST_P(Permission, AStoppedDaemonThatIsKilledReleasesOpens) {
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
TEST_P(Permission, ACrashReleasesOpensFirst) {
  guard_app("deny", "50ms", "guard = [\"content\"]\n");
  start();
  const Openers openers(at("conf"), 2);
  EXPECT_TRUE(openers.continue_opening());
  ::kill(daemon(), SIGSEGV);
  EXPECT_TRUE(openers.continue_opening());
  EXPECT_EQ(openers.failed(), 0);
  EXPECT_NE(stop(), 0);
}

TEST_P(Permission, ReloadsBlockNoOpenAndLeaveNoGap) {
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
TEST_P(Permission, AReloadUsesNoMoreGroupsThanItNeeds) {
  if (GetParam() != FsType::kTmpfs) GTEST_SKIP() << "runs on tmpfs only";
  constexpr int kPolicies = 70;
  for (int i = 0; i < kPolicies; ++i) {
    const auto name = "p" + std::to_string(i);
    fs::create_directory(root() / "srv" / name);
    ASSERT_EQ(::chown((root() / "srv" / name).c_str(), kApp, kApp), 0);
    policy(name, "deny", "50ms");
  }
  start();
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
TEST_P(Permission, AFreezeBlocksNoOpenForLong) {
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
TEST_P(Permission, AKilledDaemonReleasesOpensWhileItsFileSystemIsFrozen) {
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
TEST_P(Permission, ALateAnswerFollowsTheSettings) {
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
TEST_P(Permission, AnAnswerUnderOverloadFollowsTheSettings) {
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

// Many opens while the policies keep changing and the audit trail has no space.
TEST_P(Permission, AStormDuringReloadsLosesNoAnswer) {
  const auto full = root() / "full";
  fs::create_directory(full);
  as_root("mount -t tmpfs -o size=256k,mode=700 full " + full.string() + "; cd " + full.string() +
          "; dd if=/dev/zero of=it bs=4k status=none 2>/dev/null || true");
  settings("[audit]\npath = \"" + full.string() + "\"\n");
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
TEST_P(Permission, TheStateDirectoryMayBeInATree) {
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
