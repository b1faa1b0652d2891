// Faults around the daemon: it reports each once, keeps its policies and goes on.
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "policy/base/handle.h"
#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;

class Faults : public DaemonTest {
 protected:
  void reload() {
    const auto before = of_type("reload").size();
    ::kill(daemon(), SIGHUP);
    ASSERT_TRUE(eventually([&] { return of_type("reload").size() > before; }));
  }
  std::size_t health_reports_with(const std::string& words) const {
    std::size_t count = 0;
    for (const auto& record : of_type("health"))
      count += record.value("health_reason", "").find(words) != std::string::npos ? 1U : 0U;
    return count;
  }
  // In KiB; 0 if it has ended.
  std::size_t memory() const {
    std::ifstream status("/proc/" + std::to_string(daemon()) + "/status");
    for (std::string word; status >> word;) {
      std::size_t size = 0;
      if (word == "VmRSS:" && status >> size) return size;
    }
    return 0;
  }
};
GUARD_ON_EVERY_FS(Faults);

class Floods : public Faults {};
INSTANTIATE_TEST_SUITE_P(On, Floods, testing::Values(FsType::kTmpfs),
                         [](const auto& each) { return name_of(each.param); });

TEST_P(Floods, AnOverflowOfTheKernelQueueIsScanned) {
  guard_app("fix");
  as_app("mkdir $T/d");
  start();
  std::size_t limit = 16384;
  std::ifstream("/proc/sys/fs/fanotify/max_queued_events") >> limit;
  if (limit > 100'000) GTEST_SKIP() << "this machine queues " << limit << " events";
  ::kill(daemon(), SIGSTOP);
  ::umask(077);
  for (std::size_t i = 0; i < limit + 2000; ++i)
    std::ofstream(tree_ / "d" / std::to_string(i)).close();
  ::umask(022);
  std::ofstream(tree_ / "public").close();
  ::kill(daemon(), SIGCONT);
  EXPECT_TRUE(eventually([&] { return health_reports_with("lost") > 0; }));
  EXPECT_TRUE(becomes_apps("public"));
  let_settle();
  EXPECT_EQ(health_reports_with("lost"), 1U);
  EXPECT_EQ(violations(tree_ / "public").size(), 1U);
  // Every file is reported, or counted in its incident.
  std::set<std::string> paths;
  for (const auto& violation : violations_below(tree_ / "d")) paths.insert(violation["path"]);
  stop();
  std::size_t unlisted = 0;
  for (const auto& incident : closed_incidents()) unlisted += incident.value("unlisted", 0U);
  EXPECT_EQ(paths.size() + unlisted, limit + 2000);
}

// The service changes its own files as fast as it can: no report, and memory does not grow.
TEST_P(Floods, AFloodOfTheServiceTakesNoMemory) {
  guard_app("fix");
  start();
  as_app("mkdir $T/d; cd $T/d; seq 2000 | xargs touch");
  let_settle();
  const auto before = memory();
  as_app(
      "perl -e 'chdir qq($ENV{T}/d); for my $n (1 .. 60000) { open my $f, q(>), qq(f$n) or die; "
      "close $f; rename qq(f$n), qq(g$n); symlink q(x), qq(l$n); unlink qq(g$n), qq(l$n) }'");
  let_settle();
  EXPECT_LT(memory(), before + 60'000);  // with the sanitizer's quarantine
  EXPECT_TRUE(violations_below(tree_).empty());
  as_root("touch $T/d/last");
  EXPECT_TRUE(becomes_apps("d/last"));
}

TEST_P(Faults, AReloadOfInvalidPoliciesIsRejected) {
  guard_app("fix");
  start();
  guard_app("fx");
  reload();
  ASSERT_FALSE(of_type("reload").back()["errors"].empty());
  const std::string error = of_type("reload").back()["errors"].front();
  EXPECT_NE(error.find("app.toml:6:10"), std::string::npos) << error;
  std::ofstream(root() / "policies" / "app.toml") << "[[policy]]\nname = \"ap";
  reload();
  EXPECT_EQ(of_type("reload").back()["done"], false);
  as_root("touch $T/still");
  EXPECT_TRUE(becomes_apps("still"));
  guard_app("log");
  reload();
  EXPECT_EQ(of_type("reload").back()["done"], true);
  as_root("touch $T/logged");
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "logged").empty(); }));
  EXPECT_EQ(owner(tree_ / "logged"), 0U);
}

// An upgrade, a reboot or a crash while the files are invalid. The service itself can open the root
// of its tree to everybody, which no policy may allow.
TEST_P(Faults, AStartWithInvalidPoliciesUsesTheLastValidOnes) {
  guard_app("fix");
  start();
  stop();
  guard_app("fx");
  as_app("chmod o+w $T");
  start();
  as_root("touch $T/new");
  EXPECT_TRUE(becomes_apps("new"));
  ASSERT_TRUE(eventually([&] { return !of_type("health").empty(); }));
  const std::string reason = of_type("health").back()["health_reason"];
  EXPECT_NE(reason.find("the last valid ones, of 20"), std::string::npos) << reason;
  EXPECT_NE(reason.find("app.toml:6:10"), std::string::npos) << reason;
  kill_it();
  start();
  as_root("touch $T/newer");
  EXPECT_TRUE(becomes_apps("newer"));

  // Valid again: this needs no reload.
  as_app("chmod o-w $T");
  guard_app("log");
  ASSERT_TRUE(eventually([&] { return !of_type("reload").empty(); }));
  EXPECT_EQ(of_type("reload").back()["done"], true);
  ASSERT_TRUE(eventually([&] { return of_type("health").back()["health"] == "ok"; }));
  as_root("touch $T/logged");
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "logged").empty(); }));
  EXPECT_EQ(owner(tree_ / "logged"), 0U);
}

TEST_P(Faults, TheOwnersAccountIsDeleted) {
  for (const char* file : {"passwd", "group"}) {
    const auto ours = (root() / file).string();
    std::ofstream(ours) << "root:x:0:0::/:/bin/sh\n"
                        << (file == std::string("passwd") ? "guardapp:x:4242:4242::/:/bin/sh\n"
                                                          : "guardapp:x:4242:\n");
    ASSERT_EQ(::mount(ours.c_str(), ("/etc/" + std::string(file)).c_str(), "", MS_BIND, nullptr),
              0);
  }
  std::ofstream(root() / "policies" / "app.toml")
      << "[[policy]]\nname = \"app\"\npaths = [\"" << tree_.string()
      << "\"]\nowner = \"guardapp\"\naction = \"fix\"\nsettle = \"50ms\"\n";
  start();
  as_root("touch $T/before");
  EXPECT_TRUE(becomes_apps("before"));
  for (const char* file : {"passwd", "group"}) std::ofstream(root() / file) << "root:x:0:0::/:/\n";
  as_root("touch $T/after");
  EXPECT_TRUE(becomes_apps("after"));
  reload();
  EXPECT_EQ(of_type("reload").back()["done"], false);
  EXPECT_NE(of_type("reload").back()["errors"].dump().find("guardapp"), std::string::npos);
  ASSERT_TRUE(eventually([&] { return of_type("health").size() >= 2; }));
  std::string degraded;
  for (const auto& record : of_type("health")) {
    EXPECT_EQ(record["health"], "degraded");
    degraded += record["health_reason"].get<std::string>() + "\n";
  }
  EXPECT_NE(degraded.find("the account \"guardapp\" no longer exists"), std::string::npos)
      << degraded;
  EXPECT_NE(degraded.find("the previous policies stay in force"), std::string::npos) << degraded;
  as_root("touch $T/after-reload");
  EXPECT_TRUE(becomes_apps("after-reload"));
  stop();
  start();
  as_root("touch $T/after-restart");
  EXPECT_TRUE(becomes_apps("after-restart"));
  for (const char* file : {"passwd", "group"})  // a process may still be reading it
    EXPECT_EQ(::umount2(("/etc/" + std::string(file)).c_str(), MNT_DETACH), 0);
}

TEST_P(Faults, AnImmutableFileIsReportedOnce) {
  if (std::system("touch $O/try && chattr +i $O/try 2>/dev/null") != 0)  // NOLINT
    GTEST_SKIP() << "this file system has no immutable files";
  as_root("chattr -i $O/try");
  guard_app("fix");
  start();
  as_root("touch $T/immutable; chattr +i $T/immutable; touch $T/append; chattr +a $T/append");
  let_settle();
  for (const char* name : {"immutable", "append"}) {
    ASSERT_EQ(violations(tree_ / name).size(), 1U);
    EXPECT_NE(violations(tree_ / name).front()["reason"].get<std::string>().find("immutable"),
              std::string::npos);
  }
  reload();  // scans again, and reports nothing new
  as_root("mkfifo $T/fifo; touch $T/fifo");
  let_settle();
  as_root("touch $T/fifo; touch $T/fifo");
  reload();
  let_settle();
  EXPECT_EQ(violations(tree_ / "immutable").size(), 1U);
  EXPECT_EQ(violations(tree_ / "append").size(), 1U);
  EXPECT_EQ(violations(tree_ / "fifo").size(), 1U);
  as_root("chattr -i $T/immutable; chattr -a $T/append; touch $T/immutable $T/append");
  EXPECT_TRUE(becomes_apps("immutable"));
  EXPECT_TRUE(becomes_apps("append"));
}

// A wrong file is not a new violation each time it is touched.
TEST_P(Faults, AWrongFileIsReportedOnce) {
  guard_both();
  start();
  in_both("touch $T/wrong");
  let_settle();
  caught("wrong", {.operation = "create", .exe = "touch"});
  in_both("touch $T/wrong; chmod 600 $T/wrong; chmod 644 $T/wrong; echo x >> $T/wrong");
  let_settle();
  EXPECT_EQ(violations(logged_ / "wrong").size(), 1U);
  in_both("chown 5001 $T/wrong");  // another owner is a new violation
  let_settle();
  EXPECT_EQ(violations(logged_ / "wrong").size(), 2U);
}

TEST_P(Faults, AReadOnlyFileSystemIsReportedOnce) {
  guard_app("fix", "1s");
  start();
  as_root("touch $T/wrong");
  ASSERT_EQ(::mount(nullptr, root().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  EXPECT_TRUE(eventually([&] { return !violations(tree_ / "wrong").empty(); }));
  reload();
  std::this_thread::sleep_for(500ms);
  ASSERT_EQ(::mount(nullptr, root().c_str(), nullptr, MS_REMOUNT, nullptr), 0);
  ASSERT_EQ(violations(tree_ / "wrong").size(), 1U);
  const auto record = violations(tree_ / "wrong").front();
  EXPECT_EQ(record["action"], "skipped");
  EXPECT_EQ(record["reason"], "its file system is mounted read-only");
}

TEST_P(Faults, AFileSystemWithoutOwnersIsReportedOnce) {
  as_root("truncate -s 8M $O/fat.img; mkfs.vfat $O/fat.img > /dev/null; mkdir $T/fat");
  if (std::system("mount -t vfat -o loop $O/fat.img $T 2> /dev/null") != 0)  // NOLINT
    GTEST_SKIP() << "this kernel has no vfat";
  guard_app("fix");
  start();
  as_root("touch $T/f; mkdir $T/d; touch $T/d/g");
  EXPECT_TRUE(eventually([&] { return !violations(tree_ / "d/g").empty(); }));
  std::this_thread::sleep_for(500ms);
  for (const char* name : {"f", "d", "d/g"}) {
    ASSERT_EQ(violations(tree_ / name).size(), 1U) << name;
    EXPECT_EQ(violations(tree_ / name).front()["reason"], "its file system has no owners");
  }
  as_root("umount $T");
}

TEST_P(Faults, AnOwnershipWarEndsAndNamesTheOtherProcess) {
  guard_app("fix", "10ms");
  start();
  as_app("touch $T/f");
  as_root("for i in $(seq 15); do chown root $T/f; sleep 0.15; done");
  EXPECT_TRUE(eventually([&] {
    const auto record = violations(tree_ / "f");
    return !record.empty() && record.back()["action"] == "skipped";
  }));
  let_settle();
  const auto record = violations(tree_ / "f");
  std::size_t fixed = 0;
  for (const auto& each : record) fixed += each["action"] == "fixed" ? 1U : 0U;
  EXPECT_EQ(fixed, 5U);
  EXPECT_EQ(record.size(), 6U);
  EXPECT_EQ(record.back()["comm"], "chown");
  EXPECT_NE(record.back()["reason"].get<std::string>().find("guardd and"), std::string::npos);
  EXPECT_EQ(owner(tree_ / "f"), 0U);
}

}  // namespace
}  // namespace guard::test
