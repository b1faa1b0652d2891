// The daemon itself, started as a person would, on a tree of its own: what root does wrong is put
// right and told with the name of who did it, what is right is left alone, and what the service
// plants gains nothing.
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <thread>

#include <nlohmann/json.hpp>

#include "policy/base/handle.h"
#include "tests/root/scratch_fs.h"

namespace guard::test {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr uid_t kApp = 4242;

class Daemon : public ScratchFsTest {
 protected:
  void SetUp() override {
    ScratchFsTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    tree_ = root() / "srv" / "app";
    std::filesystem::create_directories(tree_);
    std::filesystem::create_directory(root() / "other");
    std::filesystem::create_directory(root() / "policies");
    ASSERT_EQ(::chown(tree_.c_str(), kApp, kApp), 0);
  }
  void TearDown() override {
    if (pid_ > 0) stop();
  }

  void policy(const std::string& action, const std::string& settle = "50ms") {
    std::ofstream(root() / "policies" / "app.toml")
        << "[[policy]]\nname = \"app\"\npaths = [\"" << tree_.string()
        << "\"]\nowner = 4242\ngroup = 4242\naction = \"" << action << "\"\nsettle = \"" << settle
        << "\"\n";
  }

  void start() {
    const auto out = (root() / "told").string();
    const auto directory = (root() / "policies").string();
    const auto state = (root() / "state").string();
    const std::vector<std::string> words{GUARDD, "--policy-dir", directory, "--state-dir", state,
                                         "--bus", "none", "--backend", "fanotify", "--log", "json"};
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ASSERT_EQ(::posix_spawn(&pid_, GUARDD, &actions, nullptr, arguments.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ASSERT_TRUE(eventually([&] { return !of_type("ready").empty(); }));
  }

  int stop() {
    int status = 0;
    ::kill(pid_, SIGTERM);
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

  // The machine may be busy: what matters is that it comes true at all.
  static bool eventually(const std::function<bool()>& true_yet) {
    for (int i = 0; i < 400; ++i) {
      if (true_yet()) return true;
      std::this_thread::sleep_for(50ms);
    }
    return false;
  }

  std::vector<Json> of_type(const std::string& type) const {
    std::vector<Json> found;
    std::ifstream told(root() / "told");
    for (std::string line; std::getline(told, line);) {
      auto json = Json::parse(line, nullptr, false);
      if (!json.is_discarded() && json["type"] == type) found.push_back(std::move(json));
    }
    return found;
  }
  std::vector<Json> violations(const std::filesystem::path& path) const {
    std::vector<Json> found;
    for (auto& violation : of_type("violation"))
      if (violation["path"] == path.string()) found.push_back(std::move(violation));
    return found;
  }

  static void as_root(const std::string& command) {
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }  // NOLINT
  static void as_app(const std::string& command) {
    as_root("setpriv --reuid 4242 --regid 4242 --clear-groups sh -c '" + command + "'");
  }
  static uid_t owner(const std::filesystem::path& path) {
    struct stat facts {};
    return ::lstat(path.c_str(), &facts) == 0 ? facts.st_uid : static_cast<uid_t>(-1);
  }
  bool becomes_apps(const std::string& name) const {
    return eventually([&] { return owner(tree_ / name) == kApp; });
  }

  std::filesystem::path tree_;
  pid_t pid_ = -1;
};
GUARD_ON_EVERY_FS(Daemon);

TEST_P(Daemon, PutsRightWhatRootMakes) {
  policy("fix");
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
  const auto told = violations(tree_ / "a/b/c/f").front();
  EXPECT_EQ(told["operation"], "create");
  EXPECT_EQ(told["action"], "fixed");
  EXPECT_EQ(told["uid_before"], 0);
  EXPECT_EQ(told["uid_after"], kApp);
  EXPECT_EQ(told["policy"], "app");
}

TEST_P(Daemon, OnlyTellsUnderLog) {
  policy("log");
  start();
  as_root("touch " + (tree_ / "file").string());
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "file").empty(); }));
  EXPECT_EQ(violations(tree_ / "file").front()["action"], "logged");
  EXPECT_EQ(owner(tree_ / "file"), 0U);
}

TEST_P(Daemon, TakesBackWhatRootTookForItself) {
  policy("fix");
  start();
  as_app("umask 077; echo secret > " + (tree_ / "conf").string());
  as_root("chown root:root " + (tree_ / "conf").string());
  EXPECT_TRUE(becomes_apps("conf"));
}

// On a busy machine install(1) takes its time between the copy and the chown.
TEST_P(Daemon, LeavesAloneWhatComesOutRight) {
  policy("fix", "2s");
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

TEST_P(Daemon, WaitsUntilNobodyWritesAnyMore) {
  policy("fix");
  start();
  Fd writer(::open((tree_ / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  as_root("touch " + (tree_ / "marker").string());
  EXPECT_TRUE(becomes_apps("marker"));
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(owner(tree_ / "log"), 0U);
  writer.reset();
  EXPECT_TRUE(becomes_apps("log"));
}

TEST_P(Daemon, HandsOverNothingThatTheServiceMovedIn) {
  policy("fix");
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
  policy("fix");
  as_root("touch " + (tree_ / "old").string() + "; umask 077; touch " +
          (tree_ / "secret").string());
  start();
  EXPECT_TRUE(becomes_apps("old"));
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "secret").empty(); }));
  EXPECT_EQ(violations(tree_ / "secret").front()["action"], "skipped");
  EXPECT_EQ(owner(tree_ / "secret"), 0U);
}

TEST_P(Daemon, FollowsATreeThatIsReplacedOrComesLater) {
  std::filesystem::remove(tree_);
  policy("fix");
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

TEST_P(Daemon, KeepsTheRunningPolicyWhenANewOneIsBad) {
  policy("fix");
  start();
  std::ofstream(root() / "policies" / "app.toml") << "[[policy]]\nnmae = \"x\"\n";
  ::kill(pid_, SIGHUP);
  ASSERT_TRUE(eventually([&] { return !of_type("reload").empty(); }));
  EXPECT_EQ(of_type("reload").front()["done"], false);
  as_root("touch " + (tree_ / "file").string());
  EXPECT_TRUE(becomes_apps("file"));
}

TEST_P(Daemon, EndsWhenItIsTold) {
  policy("fix");
  start();
  const int status = stop();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(of_type("stop").size(), 1U);
}

}  // namespace
}  // namespace guard::test
