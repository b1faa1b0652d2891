// What users ask for: it is carried out by a process of its own. What hangs there costs nobody else
// anything, and never the main process.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dbus/names.h"
#include "tests/root/daemon_fixture.h"
#include "tests/root/frozen_fs.h"
#include "tests/root/fuse_server.h"
#include "tests/unit/private_bus.h"

namespace {

// Not in guard, whose testing is not GoogleTest's.
using namespace guard::test;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
namespace fs = std::filesystem;

class RequestProcess : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    bus_ = bus_there_.address();
    ASSERT_EQ(::setenv("GUARDCTL", (std::string(GUARDCTL) + " --bus " + bus_).c_str(), 1), 0);
  }
  void TearDown() override {
    for (const auto pid : callers_) ::kill(pid, SIGKILL);
    for (const auto pid : callers_) ::waitpid(pid, nullptr, 0);
    DaemonTest::TearDown();
  }

  void started() {
    start();
    if (HasFatalFailure()) return;
    ASSERT_TRUE(eventually([] { return status_of("$GUARDCTL status > /dev/null 2>&1") <= 1; }));
  }
  static int status_of(const std::string& command) {
    const int status = std::system(command.c_str());  // NOLINT
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  // What Explain says of root's operations at a path, as text.
  std::string explained(const fs::path& path) const {
    const auto connection = bus_there_.connect();
    sd_bus_message* made = nullptr;
    EXPECT_GE(sd_bus_message_new_method_call(connection.get(), &made, guard::bus::kName,
                                             guard::bus::kObject, guard::bus::kManager, "Explain"),
              0);
    const guard::testing::MessageHandle question(made);
    EXPECT_GE(sd_bus_message_append_array(made, 'y', path.c_str(), path.native().size()), 0);
    EXPECT_GE(sd_bus_message_append(made, "us", 0U, "create"), 0);
    sd_bus_message* got = nullptr;
    EXPECT_GE(sd_bus_call(connection.get(), made, 0, nullptr, &got), 0);
    const guard::testing::MessageHandle answer(got);
    char* text = nullptr;
    std::size_t size = 0;
    auto* out = ::open_memstream(&text, &size);
    EXPECT_GE(sd_bus_message_dump(got, out, SD_BUS_MESSAGE_DUMP_SUBTREE_ONLY), 0);
    (void)std::fclose(out);
    std::string all(text, size);
    std::free(text);  // NOLINT
    return all;
  }
  std::vector<pid_t> requests() const { return children_of(daemon(), "guardd: request"); }

  // guardctl, in the background.
  pid_t call(const std::vector<std::string>& arguments) {
    const pid_t child = ::fork();
    if (child == 0) {
      std::vector<std::string> all{GUARDCTL, "--bus", bus_};
      all.insert(all.end(), arguments.begin(), arguments.end());
      std::vector<char*> pointers;
      for (auto& each : all) pointers.push_back(each.data());
      pointers.push_back(nullptr);
      ::execv(GUARDCTL, pointers.data());
      ::_exit(127);
    }
    callers_.push_back(child);
    return child;
  }
  bool has_ended(pid_t caller) {
    if (::waitpid(caller, nullptr, WNOHANG) != caller) return false;
    std::erase(callers_, caller);
    return true;
  }

  // A tree under log on a file system of its own, which can freeze, and which has a file of root's.
  void cold_tree() {
    auto made = ScratchFs::make(FsType::kExt4);
    ASSERT_TRUE(made);
    cold_ = *std::move(made);
    cold_file_ = cold_->root() / "tree/file";
    fs::create_directory(cold_->root() / "tree");
    ASSERT_EQ(::chown((cold_->root() / "tree").c_str(), kApp, kApp), 0);
    std::ofstream(cold_file_).close();
    std::ofstream(root() / "policies/cold.toml")
        << "[[policy]]\nname = \"cold\"\npaths = [\"" << (cold_->root() / "tree").string()
        << "\"]\nowner = 4242\ngroup = 4242\naction = \"log\"\n";
  }

  guard::testing::PrivateBus bus_there_;
  std::vector<pid_t> callers_;
  std::unique_ptr<ScratchFs> cold_;
  fs::path cold_file_;
};
GUARD_ON_EVERY_FS(RequestProcess);

TEST_P(RequestProcess, FixesAndUndoesWhatAUserAsksFor) {
  guard_app("log");
  std::ofstream(tree_ / "secret").close();
  ASSERT_EQ(::chmod((tree_ / "secret").c_str(), 0600), 0);
  started();
  EXPECT_EQ(status_of("$GUARDCTL scan app > /dev/null"), 1) << "something is wrong";
  EXPECT_EQ(owner(tree_ / "secret"), 0U);
  EXPECT_EQ(status_of("$GUARDCTL fix app --dry-run | grep -q secret"), 0);
  EXPECT_EQ(owner(tree_ / "secret"), 0U);
  EXPECT_EQ(status_of("$GUARDCTL fix app > /dev/null"), 0);
  EXPECT_EQ(owner(tree_ / "secret"), kApp);
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "secret").empty(); }));
  const auto incident = violations(tree_ / "secret").back().value("incident", "");
  EXPECT_EQ(status_of("$GUARDCTL undo " + incident + " > /dev/null"), 0);
  EXPECT_EQ(owner(tree_ / "secret"), 0U);
  EXPECT_TRUE(eventually([&] { return requests().empty(); }));
}

TEST_P(RequestProcess, AnUndoneFixStaysUndone) {
  guard_app("fix");
  started();
  as_root("touch $T/file");
  ASSERT_TRUE(becomes_apps("file"));
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "file").empty(); }));
  const auto incident = violations(tree_ / "file").back().value("incident", "");
  EXPECT_EQ(status_of("$GUARDCTL undo " + incident + " > /dev/null"), 0);
  let_settle();
  EXPECT_EQ(owner(tree_ / "file"), 0U);
  // The process that repairs knows it, and so does the next one.
  for (const auto each : children_of(daemon(), "guardd: repair")) ::kill(each, SIGKILL);
  ::kill(daemon(), SIGHUP);
  as_root("touch $T/other");
  EXPECT_TRUE(becomes_apps("other"));
  EXPECT_EQ(owner(tree_ / "file"), 0U);
}

TEST_P(RequestProcess, SaysWhatIsWrongWithARequest) {
  guard_app("off");
  started();
  EXPECT_EQ(status_of("$GUARDCTL scan app 2>&1 | grep -q 'is off, so nothing'"), 0);
  EXPECT_EQ(status_of("$GUARDCTL fix /srv 2>&1 | grep -q 'no policy has a tree at'"), 0);
  EXPECT_TRUE(requests().empty());
}

// A fix hangs: others do not, and neither its end nor that of guardd waits for the file system.
TEST_P(RequestProcess, AFrozenFileSystemHoldsUpNothingElse) {
  if (const auto why = why_no_scratch_fs(FsType::kExt4); !why.empty()) GTEST_SKIP() << why;
  cold_tree();
  guard_app("log");
  std::ofstream(tree_ / "file").close();
  started();
  {
    const FrozenFileSystem frozen(cold_->root());
    const auto caller = call({"fix", "cold"});
    ASSERT_TRUE(eventually([&] { return requests().size() == 1; }));
    const auto process = requests().front();
    ASSERT_TRUE(eventually([&] { return process_status(process, "Seccomp") == "2"; }));
    // chown, fowner, dac_read_search and lease
    constexpr unsigned long kWanted = 1U << 0U | 1U << 3U | 1U << 2U | 1U << 28U;
    for (const char* key : {"CapPrm", "CapEff"})
      EXPECT_EQ(std::stoul(process_status(process, key), nullptr, 16), kWanted) << key;
    std::this_thread::sleep_for(500ms);
    EXPECT_EQ(owner(cold_file_), 0U);

    EXPECT_EQ(status_of("$GUARDCTL fix app > /dev/null"), 0);
    EXPECT_EQ(owner(tree_ / "file"), kApp);
    // Ctrl-C
    ::kill(caller, SIGINT);
    EXPECT_TRUE(eventually([&] { return has_ended(caller); }));

    (void)call({"fix", "cold"});
    ASSERT_TRUE(eventually([&] { return !requests().empty(); }));
    std::this_thread::sleep_for(500ms);
    const auto before = std::chrono::steady_clock::now();
    kill_it();
    EXPECT_LT(std::chrono::steady_clock::now() - before, kKilled);
    const auto again = std::chrono::steady_clock::now();
    start();
    EXPECT_LT(std::chrono::steady_clock::now() - again, 2s);
    EXPECT_EQ(owner(cold_file_), 0U);
  }
  ASSERT_TRUE(eventually([] { return status_of("$GUARDCTL status > /dev/null 2>&1") <= 1; }));
  EXPECT_EQ(status_of("$GUARDCTL fix cold > /dev/null"), 0);
  EXPECT_EQ(owner(cold_file_), kApp);
}

TEST_P(RequestProcess, AStopOfGuarddDoesNotWaitForIt) {
  if (const auto why = why_no_scratch_fs(FsType::kExt4); !why.empty()) GTEST_SKIP() << why;
  cold_tree();
  guard_app("log");
  started();
  const FrozenFileSystem frozen(cold_->root());
  (void)call({"fix", "cold"});
  ASSERT_TRUE(eventually([&] { return requests().size() == 1; }));
  std::this_thread::sleep_for(500ms);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(stop(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
}

// It says nothing, or dies: the user is told, and the next request is served.
TEST_P(RequestProcess, AProcessThatDiesFailsItsRequestAlone) {
  if (GetParam() != FsType::kTmpfs) GTEST_SKIP() << "the same on each file system";
  cold_tree();
  guard_app("log");
  std::ofstream(tree_ / "file").close();
  started();
  pid_t caller = -1;
  {
    const FrozenFileSystem frozen(cold_->root());
    caller = call({"fix", "cold"});
    ASSERT_TRUE(eventually([&] { return requests().size() == 1; }));
    std::this_thread::sleep_for(500ms);
    ::kill(requests().front(), SIGKILL);  // ends it with the frost
  }
  EXPECT_TRUE(eventually([&] { return has_ended(caller); }));
  EXPECT_EQ(status_of("$GUARDCTL fix app > /dev/null"), 0);
  EXPECT_EQ(owner(tree_ / "file"), kApp);
}

// A helper looks at it, and is given up.
TEST_P(RequestProcess, AQuestionAboutAPathThatDoesNotRespondHoldsUpNothing) {
  if (GetParam() != FsType::kTmpfs) GTEST_SKIP() << "the same on each file system";
  FuseServer server(root().string() + ".fuse", "x", (tree_ / "conf").string());
  if (!server.is_mounted()) GTEST_SKIP() << "no FUSE here";
  guard_app("fix");
  started();
  EXPECT_NE(explained(tree_).find("\"directory\""), std::string::npos) << explained(tree_);
  EXPECT_NE(explained(tree_ / "none").find("4242"), std::string::npos);
  for (const auto each :
       {FuseServer::Request::kLookup, FuseServer::Request::kAttributes, FuseServer::Request::kOpen})
    server.ignore(each);
  EXPECT_NE(explained(server.file()).find("does not respond"), std::string::npos);
  EXPECT_GE(server.ignored(), 1U);
  EXPECT_NE(explained(tree_).find("\"directory\""), std::string::npos) << "another helper looks";
  const auto before = std::chrono::steady_clock::now();
  kill_it();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
}

}  // namespace
