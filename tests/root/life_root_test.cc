// The life of the daemon: what it remembers after a crash, how it is disabled and reloaded, and
// what it reports to the service manager.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "guardd/files/object.h"
#include "guardd/state/database.h"
#include "guardd/state/store.h"
#include "policy/base/handle.h"
#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class Life : public DaemonTest {
 protected:
  // A file that the service could not read, still open for writing.
  Fd being_written(const std::string& name) const {
    return Fd(::open((tree_ / name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  }
  void crash_while_a_secret_waits() {
    guard_app("fix");
    start();
    const auto writer = being_written("secret");
    ASSERT_TRUE(eventually([&] { return count("pending") == 1; }));
    kill_it();
  }
  std::int64_t count(const std::string& what, const char* file = "guardd.db") const {
    auto database = Database::open((state_ / file).string());
    if (!database) return -1;
    auto rows = database->prepare(("SELECT count(*) FROM " + what).c_str());
    if (!rows) return -1;
    const auto there = rows->next();
    return there && *there ? rows->number() : -1;
  }
  bool health_is(const std::string& health, const std::string& words) const {
    const auto all = of_type("health");
    return std::any_of(all.begin(), all.end(), [&](const Json& record) {
      return record["health"] == health &&
             record.value("health_reason", "").find(words) != std::string::npos;
    });
  }
};
GUARD_ON_EVERY_FS(Life);

TEST_P(Life, KeepsEvidenceAfterACrash) {
  crash_while_a_secret_waits();
  start();
  EXPECT_TRUE(becomes_apps("secret"));
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "secret").empty(); }));
  const auto record = violations(tree_ / "secret").back();
  EXPECT_EQ(record["action"], "fixed");
  EXPECT_EQ(record["operation"], "create");
  EXPECT_EQ(record["pid"], ::getpid());
  EXPECT_EQ(fs::path(record["exe"].get<std::string>()).filename(), "life_root_test");
  EXPECT_TRUE(eventually([&] { return count("pending") == 0; }));
}

TEST_P(Life, ACrashWithoutStateLosesTheEvidence) {
  crash_while_a_secret_waits();
  fs::remove_all(state_);
  start();
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "secret").empty(); }));
  EXPECT_EQ(violations(tree_ / "secret").front()["action"], "skipped");
  EXPECT_EQ(owner(tree_ / "secret"), 0U);
}

TEST_P(Life, WhatTheServiceMovedInIsStillRootsAfterACrash) {
  guard_app("fix");
  start();
  as_root("chmod 0777 $O; umask 077; echo secret > $O/secret");
  as_app("mv $O/secret $T/stolen");
  let_settle();
  kill_it();
  start();
  as_root("chmod 0600 $T/stolen; chown root:root $T/stolen");
  let_settle();
  EXPECT_EQ(owner(tree_ / "stolen"), 0U);
}

// Evidence from before the crash is about the file as it was then.
TEST_P(Life, AFileThatHasChangedSinceTheCrashHasNoEvidence) {
  crash_while_a_secret_waits();
  as_root("chmod 0777 $O");
  as_app("mv $T/secret $O/");
  as_root("echo more >> $O/secret");
  as_app("mv $O/secret $T/");
  start();
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "secret").empty(); }));
  let_settle();
  EXPECT_EQ(owner(tree_ / "secret"), 0U);
}

TEST_P(Life, FindsEverythingAfterACrashInABurst) {
  guard_app("fix");
  start();
  std::thread burst([&] { as_root("for i in $(seq 3000); do : > $T/file.$i; done"); });
  std::this_thread::sleep_for(100ms);
  kill_it();
  burst.join();
  start();
  EXPECT_TRUE(eventually([&] {
    const fs::directory_iterator all(tree_);
    return std::all_of(fs::begin(all), fs::end(all),
                       [](const auto& each) { return owner(each.path()) == kApp; });
  }));
  EXPECT_EQ(std::distance(fs::directory_iterator(tree_), {}), 3000);
}

TEST_P(Life, RecordsOwnerAndModeBeforeAFix) {
  guard_app("fix");
  start();
  as_root("install -m 0640 -g 5 /dev/null $T/file");
  EXPECT_TRUE(becomes_apps("file"));
  EXPECT_TRUE(eventually([&] {
    return count(
               "violations WHERE uid_before = 0 AND gid_before = 5 AND mode_before = 416 AND "
               "uid_after = 4242 AND gid_after = 4242",
               "audit.db") == 1;
  }));
}

TEST_P(Life, LeavesUndoneFilesAloneUntilTheyChange) {
  guard_app("fix");
  as_root("touch $T/undone $T/other");
  {
    auto store = Store::open(state_.string());
    ASSERT_TRUE(store) << store.error().text();
    const auto opened = open_tree(tree_);
    ASSERT_TRUE(opened);
    const auto object = open_object(*opened, "undone");
    ASSERT_TRUE(object);
    auto id = FileId::of(object->fd.get());
    ASSERT_TRUE(id) << id.error().text();
    (*store)->keep_undone({*std::move(id), object->changed});
  }
  start();
  EXPECT_TRUE(becomes_apps("other"));
  let_settle();
  EXPECT_EQ(owner(tree_ / "undone"), 0U);
  EXPECT_TRUE(violations(tree_ / "undone").empty());
  as_root("chmod 0664 $T/undone");
  EXPECT_TRUE(becomes_apps("undone"));
}

TEST_P(Life, MovesABrokenStateAside) {
  guard_app("fix");
  fs::create_directory(state_);
  fs::permissions(state_, fs::perms::owner_all);
  std::ofstream(state_ / "guardd.db") << std::string(8192, 'x');
  start();
  EXPECT_TRUE(eventually([&] { return health_is("degraded", " and is now "); }));
  EXPECT_TRUE(fs::exists(state_ / "guardd.db.broken"));
  as_root("touch $T/file");
  EXPECT_TRUE(becomes_apps("file"));
  EXPECT_TRUE(eventually([&] { return count("pending") == 0; }));
}

TEST_P(Life, DoesNotUseAStateThatOthersCanWrite) {
  guard_app("fix");
  fs::create_directory(state_);
  fs::permissions(state_, fs::perms::all);
  start();
  EXPECT_TRUE(eventually([&] { return health_is("degraded", "users other than root can write"); }));
  EXPECT_FALSE(fs::exists(state_ / "guardd.db"));
  as_root("touch $T/file");
  EXPECT_TRUE(becomes_apps("file"));
}

TEST_P(Life, AFullDiskCostsOnlyTheState) {
  guard_app("fix");
  fs::create_directory(state_);
  ASSERT_EQ(::mount("state", state_.c_str(), "tmpfs", 0, "size=512k,mode=0700"), 0);
  start();
  EXPECT_TRUE(eventually([&] { return count("pending") == 0; }));
  as_root("cat /dev/zero > " + (state_ / "filler").string() + " 2>&1 || true");
  as_root("for i in $(seq 300); do : > $T/file.$i; done");
  EXPECT_TRUE(becomes_apps("file.300"));
  EXPECT_TRUE(eventually([&] { return health_is("degraded", "cannot write the audit trail"); }));
  fs::remove(state_ / "filler");
  as_root("touch $T/file");
  EXPECT_TRUE(eventually([&] { return health_is("ok", ""); })) << of_type("health").back().dump(1);
  EXPECT_TRUE(eventually([&] { return count("violations", "audit.db") > 0; }));
}

TEST_P(Life, TheBreakGlassFileDisablesAndEnablesIt) {
  ASSERT_EQ(::mount("run", "/run", "tmpfs", 0, "mode=0755"), 0);
  fs::create_directory("/run/guardd");
  std::ofstream("/run/guardd/disable").close();
  guard_app("fix");
  start();
  EXPECT_TRUE(eventually([&] { return health_is("disabled", "/run/guardd/disable"); }));
  as_root("touch $T/file");
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(owner(tree_ / "file"), 0U);
  fs::remove("/run/guardd/disable");
  EXPECT_TRUE(becomes_apps("file"));
  std::ofstream("/run/guardd/disable").close();
  EXPECT_TRUE(eventually([&] { return of_type("health").back()["health"] == "disabled"; }));
  as_root("touch $T/another");
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(owner(tree_ / "another"), 0U);
  EXPECT_EQ(::umount2("/run", MNT_DETACH), 0);
}

// Neither due changes nor regular scans wake a disabled guardd.
TEST_P(Life, SleepsWhileDisabled) {
  ASSERT_EQ(::mount("run", "/run", "tmpfs", 0, "mode=0755"), 0);
  fs::create_directory("/run/guardd");
  const auto settings = root() / "guardd.toml";
  std::ofstream(settings) << "[scan]\nevery = \"1s\"\n";
  options_ = {"--config", settings.string()};
  guard_app("fix");
  start();
  const auto writer = being_written("secret");
  std::this_thread::sleep_for(300ms);
  std::ofstream("/run/guardd/disable").close();
  ASSERT_TRUE(eventually([&] { return health_is("disabled", "/run/guardd/disable"); }));
  std::this_thread::sleep_for(1500ms);
  const auto ticks = [&] {
    std::ifstream file("/proc/" + std::to_string(daemon()) + "/stat");
    std::string skipped;
    for (int i = 0; i < 13; ++i) file >> skipped;
    long user = 0;
    long system = 0;
    file >> user >> system;
    return user + system;
  };
  const auto before = ticks();
  std::this_thread::sleep_for(1s);
  EXPECT_LT(ticks() - before, ::sysconf(_SC_CLK_TCK) / 5);
  EXPECT_EQ(::umount2("/run", MNT_DETACH), 0);
}

TEST_P(Life, TheKernelCommandLineDisablesIt) {
  const auto line = root() / "cmdline";
  std::ofstream(line) << "quiet guardd=off ro\n";
  ASSERT_EQ(::mount(line.c_str(), "/proc/cmdline", nullptr, MS_BIND, nullptr), 0);
  guard_app("fix");
  start();
  EXPECT_TRUE(eventually([&] { return health_is("disabled", "guardd=off"); }));
  as_root("touch $T/file");
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(owner(tree_ / "file"), 0U);
  EXPECT_EQ(::umount2("/proc/cmdline", MNT_DETACH), 0);
}

TEST_P(Life, AReloadKeepsPendingChanges) {
  guard_app("fix");
  start();
  auto writer = being_written("secret");
  std::this_thread::sleep_for(300ms);
  policy("more", "log", "50ms");
  ::kill(daemon(), SIGHUP);
  ASSERT_TRUE(eventually([&] { return !of_type("reload").empty(); }));
  writer.reset();
  EXPECT_TRUE(becomes_apps("secret"));
}

// Results of older scans and repairs have other tree numbers.
TEST_P(Life, ReloadsDuringScansAndRepairs) {
  guard_both();
  start();
  in_both("umask 077; for i in $(seq 1000); do : > $T/file.$i; done");
  for (int i = 0; i < 6; ++i) {
    if (i % 2 == 0) {
      fs::remove(root() / "policies" / "app.toml");
    } else {
      guard_app("fix");
    }
    ::kill(daemon(), SIGHUP);
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_TRUE(eventually([&] { return violations_below(logged_).size() >= 1000; }));
  EXPECT_EQ(stop(), 0);
}

TEST_P(Life, AReloadRemovesTheMarksOfRemovedTrees) {
  guard_both();
  start();
  as_root("mkdir -p $T/a/b/c");
  EXPECT_TRUE(becomes_apps("a/b/c"));
  EXPECT_EQ(marks(), 5U);
  fs::remove(root() / "policies" / "app.toml");
  ::kill(daemon(), SIGHUP);
  EXPECT_TRUE(eventually([&] { return marks() == 1; })) << marks();
}

TEST_P(Life, InvalidSettingsDoNotBreakAReload) {
  guard_app("fix");
  const auto settings = root() / "guardd.toml";
  std::ofstream(settings) << "[incident]\nquiet = \"1s\"\n";
  options_ = {"--config", settings.string()};
  start();
  std::ofstream(settings) << "[incident]\nquiet = \"soon\"\n";
  ::kill(daemon(), SIGHUP);
  ASSERT_TRUE(eventually([&] { return !of_type("reload").empty(); }));
  const auto record = of_type("reload").front();
  EXPECT_EQ(record["done"], false);
  EXPECT_NE(record["errors"].dump().find("guardd.toml:2:"), std::string::npos) << record;
  as_root("touch $T/file");
  EXPECT_TRUE(becomes_apps("file"));
}

// A change under a name outside of the tree causes no notice.
TEST_P(Life, ARegularScanFindsWhatCausedNoNotice) {
  as_app("touch $T/file");
  as_root("ln $T/file $O/other-name");
  const auto settings = root() / "guardd.toml";
  std::ofstream(settings) << "[scan]\nevery = \"1s\"\n";
  options_ = {"--config", settings.string()};
  guard_app("fix");
  start();
  as_root("chown root:root $O/other-name");
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "file").empty(); }));
  const auto record = violations(tree_ / "file").front();
  EXPECT_EQ(record["operation"], "scan");
  EXPECT_EQ(record["action"], "skipped");
  EXPECT_NE(record["reason"].get<std::string>().find("another hard link"), std::string::npos);
  std::this_thread::sleep_for(1500ms);
  EXPECT_EQ(violations(tree_ / "file").size(), 1U);  // not again with every scan
}

// A fake service manager.
class Manager {
 public:
  explicit Manager(const fs::path& path)
      : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    ::setenv("WATCHDOG_USEC", "400000", 1);
  }
  ~Manager() {
    ::unsetenv("NOTIFY_SOCKET");
    ::unsetenv("WATCHDOG_USEC");
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // All messages until now.
  std::string heard() const {
    std::string text;
    std::string message(4096, '\0');
    for (ssize_t got = 0;
         (got = ::recv(socket_.get(), message.data(), message.size(), MSG_DONTWAIT)) > 0;)
      text += message.substr(0, static_cast<std::size_t>(got)) + "\n";
    return text;
  }

 private:
  Fd socket_;
};

TEST_P(Life, NotifiesTheServiceManager) {
  const Manager manager(root() / "notify");
  guard_app("fix");
  start();
  std::this_thread::sleep_for(1s);
  const auto heard = manager.heard();
  EXPECT_NE(heard.find("READY=1"), std::string::npos) << heard;
  EXPECT_NE(heard.find("WATCHDOG=1"), std::string::npos) << heard;
  ::kill(daemon(), SIGHUP);
  std::string reloaded;
  EXPECT_TRUE(eventually([&] {
    reloaded += manager.heard();
    const auto begun = reloaded.find("RELOADING=1");
    return begun != std::string::npos && reloaded.find("READY=1", begun) != std::string::npos;
  })) << reloaded;
  ::kill(daemon(), SIGSTOP);
  std::this_thread::sleep_for(100ms);
  (void)manager.heard();
  std::this_thread::sleep_for(1s);
  EXPECT_EQ(manager.heard(), "");  // no ping while the loop hangs
  ::kill(daemon(), SIGCONT);
  EXPECT_EQ(stop(), 0);
  EXPECT_NE(manager.heard().find("STOPPING=1"), std::string::npos);
}

TEST_P(Life, EndsWithinASecond) {
  guard_app("fix");
  start();
  as_root("for i in $(seq 2000); do : > $T/file.$i; done");
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(stop(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
}

// Without a bus. The parser of Prometheus reads the file.
TEST_P(Life, WritesAMetricsFile) {
  const auto metrics = root() / "metrics" / "guardd.prom";
  fs::create_directory(metrics.parent_path());
  const auto settings = root() / "guardd.toml";
  std::ofstream(settings) << "[metrics]\ntextfile = \"" << metrics.string() << "\"\n";
  options_ = {"--config", settings.string()};
  guard_app("fix", "20ms");
  start();
  ASSERT_TRUE(eventually([&] { return fs::exists(metrics); }));
  EXPECT_EQ(fs::status(metrics).permissions(), fs::perms{0644});
  as_root("touch $T/file");
  EXPECT_TRUE(becomes_apps("file"));
  ::kill(daemon(), SIGHUP);  // writes it at once
  const auto counted = "grep -qx 'guardd_fixed_total{policy=\"app\"} 1' " + metrics.string();
  EXPECT_TRUE(eventually([&] { return std::system(counted.c_str()) == 0; }));
  const auto parsed =
      "/usr/bin/python3 -c 'import sys\n"
      "try: from prometheus_client.parser import text_string_to_metric_families as parse\n"
      "except ImportError: sys.exit(0)\n"
      "families = {f.name: f.type for f in parse(sys.stdin.read())}\n"
      "assert families[\"guardd_fixed\"] == \"counter\", families\n"
      "assert set(families.values()) == {\"counter\", \"gauge\"}, families' < " +
      metrics.string();
  EXPECT_EQ(std::system(parsed.c_str()), 0);
}

// Without the tracer, no other process is named instead of one that has ended.
TEST_P(Life, WithoutTheTracerOnlyRunningProcessesAreKnown) {
  const auto settings = root() / "guardd.toml";
  std::ofstream(settings) << "tracer = \"off\"\n";
  options_ = {"--config", settings.string()};
  guard_app("log", "500ms");
  start();
  as_root("touch $T/gone");
  const Fd living(::open((tree_ / "living").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "gone").empty(); }));
  const auto gone = violations(tree_ / "gone").front();
  if (gone.contains("exe")) {
    EXPECT_EQ(fs::path(gone["exe"].get<std::string>()).filename(), "touch");
  } else {  // it ended before a helper had read it
    EXPECT_GT(gone["pid"], 0);
    EXPECT_EQ(gone.value("comm", "touch"), "touch") << gone;
  }
}

}  // namespace
}  // namespace guard::test
