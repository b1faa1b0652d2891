// The proofs of doctor, with the real daemon: they pass if it works, fail if it does not, and leave
// nothing behind, whatever the owner of the tree does meanwhile.
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

#include "tests/root/daemon_fixture.h"
#include "tests/unit/private_bus.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::string_view kProbe = ".guardd-probe-";

class DoctorTest : public DaemonTest {
 protected:
  void SetUp() override {
    if (!missing({"dbus-daemon"}).empty()) GTEST_SKIP() << "dbus-daemon is not installed";
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    the_bus_ = std::make_unique<testing::PrivateBus>();
    bus_ = the_bus_->address();
  }

  struct Diagnosis {
    int status = 0;
    Json checks;

    // The result of the probe of a policy.
    Json proof(const std::string& policy) const {
      for (const auto& each : checks)
        if (each["group"] == "proof" && each["name"] == "policy " + policy) return each;
      return {{"result", "absent"}, {"finding", checks.dump(1)}};
    }
    Json of(const std::string& name) const {
      for (const auto& each : checks)
        if (each["name"] == name) return each;
      return {{"result", "absent"}, {"finding", checks.dump(1)}};
    }
  };

  pid_t begin_doctor(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{
        GUARDCTL,
        "doctor",
        "--json",
        "--bus",
        bus_,
        "--policy-dir",
        directory_.empty() ? (root() / "policies").string() : directory_};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, said_path().c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    pid_t pid = -1;
    EXPECT_EQ(::posix_spawn(&pid, GUARDCTL, &actions, nullptr, arguments.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
  }
  Diagnosis end_doctor(pid_t pid) const {
    Diagnosis diagnosis;
    int status = 0;
    ::waitpid(pid, &status, 0);
    diagnosis.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    std::ifstream text(said_path());
    diagnosis.checks = Json::parse(text, nullptr, false);
    return diagnosis;
  }
  Diagnosis doctor(const std::vector<std::string>& more = {}) const {
    return end_doctor(begin_doctor(more));
  }

  // The files in a tree that have the name of a probe.
  std::vector<std::string> probes_in(const fs::path& tree) const {
    std::vector<std::string> names;
    for (const auto& each : fs::directory_iterator(tree))
      if (each.path().filename().string().starts_with(kProbe))
        names.push_back(each.path().filename());
    return names;
  }
  void nothing_is_left() const {
    EXPECT_TRUE(probes_in(tree_).empty()) << probes_in(tree_).front();
    EXPECT_TRUE(probes_in(logged_).empty()) << probes_in(logged_).front();
  }
  static void expect(const Json& check, const std::string& result, const std::string& finding) {
    EXPECT_EQ(check["result"], result) << check.dump(1);
    EXPECT_NE(check["finding"].get<std::string>().find(finding), std::string::npos)
        << check.dump(1);
  }

  std::string directory_;  // of policies; empty for those of the daemon

 private:
  std::string said_path() const { return root().string() + ".said"; }

  std::unique_ptr<testing::PrivateBus> the_bus_;
};
INSTANTIATE_TEST_SUITE_P(On, DoctorTest, ::testing::Values(FsType::kTmpfs, FsType::kExt4),
                         [](const auto& each) { return name_of(each.param); });

TEST_P(DoctorTest, ProvesFixAndLog) {
  guard_both("200ms");
  start();
  const auto diagnosis = doctor();
  expect(diagnosis.proof("app"), "ok", "was fixed after");
  expect(diagnosis.proof("app"), "ok", "and reported");
  expect(diagnosis.proof("logged"), "ok", "was logged after");
  nothing_is_left();
  const auto violations = of_type("violation");
  EXPECT_EQ(std::count_if(violations.begin(), violations.end(),
                          [](const Json& each) {
                            return fs::path(each.value("exe", "")).filename() == "guardctl";
                          }),
            2);
  expect(diagnosis.of("running"), "ok", backend());
  expect(diagnosis.of("on disk"), "ok", "enforces the policies on disk");
}

TEST_P(DoctorTest, ProvesDenyAndFixAtOpen) {
  policy("app", "deny", "50ms");
  policy("logged", "fix", "5s", "fix_at = \"open\"");
  start();
  const auto diagnosis = doctor();
  expect(diagnosis.proof("app"), "ok", "was denied after");
  expect(diagnosis.proof("logged"), "ok", "was fixed after");
  nothing_is_left();
}

TEST_P(DoctorTest, FindsANameThatProvesSomething) {
  guard_both("50ms",
             "[[policy.rule]]\nmatch = [\".guardd-probe-[0-9a-f]*[0-9a-f]\"]\nowner = 0\n"
             "group = 0");
  start();
  expect(doctor().proof("app"), "ok", "was fixed");
  nothing_is_left();
}

TEST_P(DoctorTest, ReportsWhatIsNotProved) {
  policy("app", "fix", "50ms", "exclude = [\"**\"]");
  policy("logged", "log", "50ms", "[[policy.allow]]\nuser = \"root\"\neffect = \"ignore\"");
  policy("absent", "fix", "50ms");
  policy("switched-off", "off", "50ms");
  start();
  const auto diagnosis = doctor();
  expect(diagnosis.proof("app"), "skipped", "the policy excludes this path");
  expect(diagnosis.proof("logged"), "skipped", "an allow permits it");
  expect(diagnosis.proof("absent"), "skipped", "it is pending");
  expect(diagnosis.proof("switched-off"), "skipped", "off");
  expect(doctor({"--no-probe"}).proof("app"), "absent", "");
  expect(doctor({"logged"}).proof("app"), "absent", "");
  EXPECT_TRUE(of_type("violation").empty());
}

TEST_P(DoctorTest, FailsIfGuarddEnforcesOtherPolicies) {
  guard_app("log");
  start();
  directory_ = (root() / "other-policies").string();
  fs::create_directory(directory_);
  const auto write = [&](const std::string& name, const std::string& action) {
    std::ofstream(fs::path(directory_) / (name + ".toml"))
        << "[[policy]]\nname = \"" << name << "\"\npaths = [\"" << tree_.string()
        << "\"]\nowner = 4242\ngroup = 4242\nsettle = \"50ms\"\naction = \"" << action << "\"\n";
  };
  write("app", "fix");
  auto diagnosis = doctor();
  EXPECT_EQ(diagnosis.status, 1);
  expect(diagnosis.proof("app"), "fail", "but it still belongs to root, and reported as logged");
  expect(diagnosis.of("on disk"), "warn", "does not enforce the policies on disk");
  fs::remove(fs::path(directory_) / "app.toml");
  write("unknown", "fix");
  diagnosis = doctor();
  EXPECT_EQ(diagnosis.status, 1);
  expect(diagnosis.proof("unknown"), "fail", "guardd does not know it");
  nothing_is_left();
}

TEST_P(DoctorTest, FailsIfGuarddHangs) {
  guard_both("1s");
  start();
  const auto pid = begin_doctor();
  ASSERT_TRUE(eventually([&] { return !probes_in(tree_).empty(); }));
  ::kill(daemon(), SIGSTOP);
  auto diagnosis = end_doctor(pid);
  EXPECT_EQ(diagnosis.status, 1);
  expect(diagnosis.proof("app"), "fail",
         "it still belongs to root, and was not reported within 6000 ms");
  nothing_is_left();
  diagnosis = doctor();  // it does not even answer
  EXPECT_EQ(diagnosis.status, 1);
  EXPECT_EQ(diagnosis.of("running")["result"], "fail") << diagnosis.checks.dump(1);
  EXPECT_EQ(diagnosis.of("probes")["result"], "skipped");
  ::kill(daemon(), SIGCONT);
}

TEST_P(DoctorTest, LeavesNothingWhenItIsInterrupted) {
  guard_both("2s");
  start();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const auto pid = begin_doctor();
    ASSERT_TRUE(eventually([&] { return !probes_in(tree_).empty(); }));
    ::kill(pid, signal);
    EXPECT_EQ(end_doctor(pid).status, 128 + signal);
    nothing_is_left();
  }
}

TEST_P(DoctorTest, GivesNothingToAnotherUser) {
  guard_both("50ms");
  start();
  const auto pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    const auto directory = (root() / "policies").string();
    const bool is_other = ::setgroups(0, nullptr) == 0 && ::setresgid(65534, 65534, 65534) == 0 &&
                          ::setresuid(65534, 65534, 65534) == 0;
    if (is_other)
      ::execl(GUARDCTL, GUARDCTL, "doctor", "--bus", bus_.c_str(), "--policy-dir",
              directory.c_str(), "-q", nullptr);
    ::_exit(99);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
    GTEST_SKIP() << "an ordinary user cannot reach the build directory";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) <= 1) << status;
  EXPECT_TRUE(of_type("violation").empty());
}

// As the owner of the tree: replaces every probe, as fast as possible.
[[noreturn]] void meddle(const fs::path& tree, const std::string& secret) {
  const bool is_owner = ::setgroups(0, nullptr) == 0 && ::setresgid(kApp, kApp, kApp) == 0 &&
                        ::setresuid(kApp, kApp, kApp) == 0;
  if (!is_owner || ::chdir(tree.c_str()) != 0) ::_exit(1);
  ::close(::open("own", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  for (unsigned round = 0;; ++round) {
    DIR* listing = ::opendir(".");
    while (const auto* each = ::readdir(listing)) {  // NOLINT(concurrency-mt-unsafe)
      const std::string name = each->d_name;
      if (!name.starts_with(kProbe)) continue;
      const auto kept = "kept-" + std::to_string(round);
      switch (round++ % 5) {
        case 0:
          (void)::unlink(name.c_str());
          (void)!::symlink(secret.c_str(), name.c_str());
          break;
        case 1:
          (void)::rename(name.c_str(), kept.c_str());
          (void)!::link("own", name.c_str());
          break;
        case 2:
          (void)::rename(name.c_str(), kept.c_str());
          (void)::mkdir(name.c_str(), 0700);
          break;
        case 3:
          (void)::link(name.c_str(), kept.c_str());
          break;
        default:
          (void)::unlink(name.c_str());
          (void)!::link(secret.c_str(), name.c_str());
          break;
      }
    }
    ::closedir(listing);
  }
}

TEST_P(DoctorTest, AHostileOwnerGetsNothing) {
  guard_app("fix", "20ms");
  start();
  const auto secret = (root() / "secret").string();
  std::ofstream(secret) << "secret";
  ASSERT_EQ(::chmod(secret.c_str(), 0600), 0);
  const auto before = facts(secret);
  const auto meddler = ::fork();
  ASSERT_GE(meddler, 0);
  if (meddler == 0) meddle(tree_, secret);
  for (int i = 0; i < 4; ++i) {
    const auto diagnosis = doctor({"app"});
    EXPECT_TRUE(diagnosis.status == 0 || diagnosis.status == 1) << diagnosis.status;
    EXPECT_NE(diagnosis.proof("app")["result"], "absent");
  }
  ::kill(meddler, SIGKILL);
  ::waitpid(meddler, nullptr, 0);
  const auto after = facts(secret);
  EXPECT_EQ(after.st_uid, 0U);
  EXPECT_EQ(after.st_mode, before.st_mode);
  EXPECT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
  EXPECT_EQ(after.st_size, 6);
  // What has the name of a probe now was created by the owner of the tree.
  for (const auto& name : probes_in(tree_)) {
    const auto left = facts(tree_ / name);
    EXPECT_TRUE(left.st_uid == kApp || left.st_ino == after.st_ino) << name;
  }
  EXPECT_TRUE(fs::exists(tree_ / "own"));
}

}  // namespace
}  // namespace guard::test
