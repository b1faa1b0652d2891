// The whole daemon on a tree of its own: it fixes and reports what root does wrong, leaves alone
// what is right, and gives the service nothing that the service plants.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "policy/base/handle.h"
#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;

class Daemon : public DaemonTest {};
GUARD_ON_EVERY_FS(Daemon);

TEST_P(Daemon, FixesWhatRootCreates) {
  guard_app("fix");
  start();
  const auto tree = tree_.string();
  as_root("echo x >> " + tree + "/new.log; mkdir -p " + tree + "/a/b/c; touch " + tree +
          "/a/b/c/f; ln -s /etc/shadow " + tree + "/link; mkdir " + root().string() +
          "/other/d; touch " + root().string() + "/other/d/1; mv " + root().string() + "/other/d " +
          tree);
  for (const char* name : {"new.log", "a", "a/b", "a/b/c", "a/b/c/f", "link", "d", "d/1"})
    EXPECT_TRUE(becomes_apps(name)) << name;
  EXPECT_EQ(owner("/etc/shadow"), 0U);
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "a/b/c/f").empty(); }));
  const auto record = violations(tree_ / "a/b/c/f").front();
  EXPECT_EQ(record["operation"], "create");
  EXPECT_EQ(record["action"], "fixed");
  EXPECT_EQ(record["uid_before"], 0);
  EXPECT_EQ(record["uid_after"], kApp);
  EXPECT_EQ(record["policy"], "app");
}

TEST_P(Daemon, OnlyReportsUnderLog) {
  guard_app("log");
  start();
  as_root("touch " + (tree_ / "file").string());
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "file").empty(); }));
  EXPECT_EQ(violations(tree_ / "file").front()["action"], "logged");
  EXPECT_EQ(owner(tree_ / "file"), 0U);
}

TEST_P(Daemon, RestoresWhatRootTook) {
  guard_app("fix");
  start();
  as_app("umask 077; echo secret > " + (tree_ / "conf").string());
  as_root("chown root:root " + (tree_ / "conf").string());
  EXPECT_TRUE(becomes_apps("conf"));
}

// On a busy machine, install(1) may pause between the copy and the chown.
TEST_P(Daemon, LeavesAloneWhatEndsUpRight) {
  guard_app("fix", "2s");
  start();
  const auto tree = tree_.string();
  as_root("install -o 4242 -g 4242 /etc/hostname " + tree + "/installed; touch " + tree +
          "/gone; rm " + tree + "/gone");
  as_app("echo own > " + tree + "/own");
  as_root("cat " + tree + "/own > /dev/null; echo more >> " + tree + "/own");
  as_root("touch " + tree + "/marker");
  EXPECT_TRUE(becomes_apps("marker"));
  for (const char* name : {"installed", "gone", "own"})
    EXPECT_TRUE(violations(tree_ / name).empty()) << name;
}

// So many notices in a row that guardd batches them: those of the app, and those of root in
// between.
TEST_P(Daemon, MissesNothingWhenMuchHappens) {
  guard_app("fix");
  start();
  as_root(
      "cd $T; setpriv --reuid 4242 --regid 4242 --clear-groups sh -c "
      "'i=0; while [ $i -lt 800 ]; do i=$((i+1)); : > own; rm own; done' & "
      "i=0; while [ $i -lt 300 ]; do i=$((i+1)); : > root$i; done; wait");
  for (int i = 1; i <= 300; ++i) EXPECT_TRUE(becomes_apps("root" + std::to_string(i))) << i;
  ASSERT_TRUE(eventually([&] { return violations_below(tree_).size() >= 300; }));
  EXPECT_EQ(violations_below(tree_).size(), 300U);
}

TEST_P(Daemon, WaitsUntilTheFileIsClosed) {
  guard_app("fix");
  start();
  Fd writer(::open((tree_ / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  as_root("touch " + (tree_ / "marker").string());
  EXPECT_TRUE(becomes_apps("marker"));
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(owner(tree_ / "log"), 0U);
  writer.reset();
  EXPECT_TRUE(becomes_apps("log"));
}

TEST_P(Daemon, DoesNotHandOverWhatTheServiceMovedIn) {
  guard_app("fix");
  start();
  const auto other = (root() / "other").string();
  as_root("chmod 0777 " + other + "; umask 077; echo secret > " + other + "/secret");
  as_app("mv " + other + "/secret " + tree_.string() + "/stolen");
  as_root("chmod 0600 " + (tree_ / "stolen").string() + "; touch " + (tree_ / "marker").string());
  EXPECT_TRUE(becomes_apps("marker"));
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(owner(tree_ / "stolen"), 0U);
}

TEST_P(Daemon, FindsAtStartWhatHappenedBefore) {
  guard_app("fix");
  as_root("touch " + (tree_ / "old").string() + "; umask 077; touch " +
          (tree_ / "secret").string());
  start();
  EXPECT_TRUE(becomes_apps("old"));
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "secret").empty(); }));
  EXPECT_EQ(violations(tree_ / "secret").front()["action"], "skipped");
  EXPECT_EQ(owner(tree_ / "secret"), 0U);
}

TEST_P(Daemon, FollowsATreeThatIsReplacedOrCreatedLater) {
  std::filesystem::remove(tree_);
  guard_app("fix");
  start();
  std::filesystem::create_directory(tree_);
  EXPECT_TRUE(becomes_apps(""));
  as_root("touch " + (tree_ / "first").string());
  EXPECT_TRUE(becomes_apps("first"));
  std::filesystem::rename(tree_, root() / "srv" / "app.old");
  std::filesystem::create_directory(tree_);
  as_root("touch " + (tree_ / "second").string());
  EXPECT_TRUE(becomes_apps("second"));
}

TEST_P(Daemon, KeepsThePolicyInForceWhenANewOneIsInvalid) {
  guard_app("fix");
  start();
  std::ofstream(root() / "policies" / "app.toml") << "[[policy]]\nnmae = \"x\"\n";
  ::kill(daemon(), SIGHUP);
  ASSERT_TRUE(eventually([&] { return !of_type("reload").empty(); }));
  EXPECT_EQ(of_type("reload").front()["done"], false);
  as_root("touch " + (tree_ / "file").string());
  EXPECT_TRUE(becomes_apps("file"));
}

// Capabilities are per thread, and each thread inherits them.
TEST_P(Daemon, NoThreadHasMoreCapabilitiesThanItNeeds) {
  guard_both();
  start();
  constexpr std::uint64_t kNeeded = 1ULL << 0 | 1ULL << 2 | 1ULL << 3 | 1ULL << 6 | 1ULL << 7 |
                                    1ULL << 19 | 1ULL << 21 | 1ULL << 28 | 1ULL << 38 |
                                    1ULL << 39;  // as in guardd/service/privileges.cc
  int threads = 0;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(daemon()) + "/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string word, value; status >> word;)
      if (word == "CapPrm:" && status >> value) {
        ++threads;
        EXPECT_EQ(std::stoull(value, nullptr, 16) & ~kNeeded, 0U) << task.path();
      }
  }
  EXPECT_GT(threads, 3);
}

TEST_P(Daemon, EndsOnSigterm) {
  guard_app("fix");
  start();
  const int status = stop();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(of_type("stop").size(), 1U);
}

}  // namespace
}  // namespace guard::test
