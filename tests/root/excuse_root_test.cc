// guardctl exec --excuse: the command and its children are denied nothing, and their files stay as
// they are. Other processes are judged as usual.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "policy/base/handle.h"
#include "tests/root/daemon_fixture.h"
#include "tests/unit/private_bus.h"

namespace {

// Not in guard, whose testing is not GoogleTest's.
using namespace guard::test;  // NOLINT(google-build-using-namespace)
using guard::Fd;
namespace bus = guard::bus;

class Excuse : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    bus_ = bus_there_.address();
    const auto guardctl = std::string(GUARDCTL) + " --bus " + bus_;
    ASSERT_EQ(::setenv("GUARDCTL", guardctl.c_str(), 1), 0);
    ASSERT_EQ(::setenv("EXCUSED", (guardctl + " exec --excuse --reason ticket-7 --").c_str(), 1),
              0);
  }
  void started() {
    start();
    if (HasFatalFailure()) return;
    ASSERT_TRUE(eventually(
        [] { return status_of("$GUARDCTL status --json > /dev/null 2>&1 || test $? = 1") == 0; }));
  }
  static int status_of(const std::string& command) {
    const int status = std::system(command.c_str());  // NOLINT
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  // The violation was reported as excused, and nothing was fixed.
  void expect_excused(const std::string& name) {
    ASSERT_TRUE(eventually([&] { return !violations(tree_ / name).empty(); })) << name;
    const auto violation = violations(tree_ / name).front();
    EXPECT_EQ(violation["action"], "logged") << violation;
    EXPECT_TRUE(violation.value("reason", "").starts_with("excused: by ")) << violation;
    EXPECT_TRUE(violation.value("reason", "").ends_with(": ticket-7")) << violation;
    EXPECT_EQ(owner(tree_ / name), 0U) << name;
  }
  bool has_reported_excuse(const std::string& state) const {
    const auto all = of_type("excuse");
    return std::any_of(all.begin(), all.end(),
                       [&](const Json& record) { return record["state"] == state; });
  }

  guard::testing::PrivateBus bus_there_;
};
GUARD_ON_EVERY_FS(Excuse);

TEST_P(Excuse, KeepsTheFilesOfTheCommand) {
  guard_app("fix");
  started();
  as_root("echo theirs > $O/file; $EXCUSED cp $O/file $T/copy");
  expect_excused("copy");
  ASSERT_TRUE(eventually([&] { return has_reported_excuse("begun"); }));
  const auto begun = of_type("excuse").front();
  EXPECT_EQ(begun["reason"], "ticket-7");
  EXPECT_EQ(begun["cmdline"], "cp " + (other_ / "file").string() + " " + (tree_ / "copy").string());
  EXPECT_TRUE(eventually([&] { return has_reported_excuse("over"); }));
  let_settle();
  EXPECT_EQ(owner(tree_ / "copy"), 0U);
}

TEST_P(Excuse, CoversChildrenAndBackgroundProcesses) {
  guard_app("fix");
  started();
  as_root(
      "$EXCUSED sh -c 'sh -c \"echo x > $T/child\"; echo x | tee $T/piped > /dev/null; "
      "(sleep 0.3; touch $T/behind) & "
      "setsid sh -c \"sleep 0.5; sh -c \\\"sleep 0.1; touch $T/orphan\\\" &\" & touch $T/self'");
  for (const auto* name : {"self", "child", "piped", "behind", "orphan"}) expect_excused(name);
  let_settle();
  for (const auto* name : {"self", "child", "piped", "behind", "orphan"})
    EXPECT_EQ(owner(tree_ / name), 0U) << name;
}

TEST_P(Excuse, CoversNoOtherProcess) {
  guard_app("fix");
  started();
  as_root("$EXCUSED sh -c 'echo x > $T/mine; sleep 1' & sleep 0.5; echo y > $T/sibling; wait");
  expect_excused("mine");
  EXPECT_TRUE(becomes_apps("sibling"));
  ASSERT_TRUE(eventually([&] { return has_reported_excuse("over"); }));
  as_root("echo z > $T/after");
  EXPECT_TRUE(becomes_apps("after"));
}

TEST_P(Excuse, ItsFilesStayUntilTheyAreChanged) {
  guard_app("fix");
  started();
  as_root(
      "$EXCUSED sh -c 'echo x > $T/kept; echo x > $T/touched; mkdir $T/dir; echo x > $T/dir/in'");
  for (const auto* name : {"kept", "touched", "dir", "dir/in"}) expect_excused(name);
  ASSERT_TRUE(eventually([&] { return has_reported_excuse("over"); }));
  // A reload scans everything, and so does a restart.
  ASSERT_EQ(::kill(daemon(), SIGHUP), 0);
  ASSERT_TRUE(eventually([&] { return !of_type("reload").empty(); }));
  let_settle();
  EXPECT_EQ(owner(tree_ / "kept"), 0U);
  EXPECT_EQ(stop(), 0);
  started();
  let_settle();
  EXPECT_EQ(owner(tree_ / "kept"), 0U);
  EXPECT_EQ(owner(tree_ / "dir/in"), 0U);
  as_root("echo more >> $T/touched; chown root $T/touched");
  EXPECT_TRUE(becomes_apps("touched"));
  EXPECT_EQ(owner(tree_ / "kept"), 0U);
}

TEST_P(Excuse, IsDeniedNothing) {
  guard_app("deny", "50ms", "guard = [\"ownership\", \"content\"]");
  as_app("echo mine > $T/file");
  started();
  as_root("! sh -c 'echo theirs > $T/file' 2> /dev/null");
  as_root(
      "$EXCUSED sh -c 'echo theirs >> $T/file; echo new > $T/new; (sleep 0.3; echo late >> "
      "$T/file) & wait'");
  as_root("grep -q theirs $T/file; grep -q late $T/file; grep -q new $T/new");
  expect_excused("new");
  ASSERT_TRUE(eventually([&] {
    const auto all = violations(tree_ / "file");
    return std::any_of(all.begin(), all.end(), [](const Json& violation) {
      return violation["guard"] == "content" &&
             violation.value("reason", "").starts_with("excused: by ");
    });
  }));
  as_root("! sh -c 'echo theirs >> $T/file' 2> /dev/null");
}

TEST_P(Excuse, OtherwiseRunsTheCommandUnchanged) {
  guard_app("fix");
  started();
  EXPECT_EQ(status_of("$EXCUSED sh -c 'exit 9'"), 9);
  EXPECT_EQ(status_of("$EXCUSED sh -c 'kill -TERM $$'"), 128 + SIGTERM);
  EXPECT_EQ(status_of("$EXCUSED ./none 2> /dev/null"), 127);
  EXPECT_EQ(status_of("$EXCUSED /etc/passwd 2> /dev/null"), 126);
  as_root("cd $O; umask 027; export KEPT=1; $EXCUSED sh -c 'test $KEPT$(umask)$PWD = 10027'$O");
  as_root("test \"$(echo through | $EXCUSED cat)\" = through");
  as_root("sh -c 'echo $$; exec $EXCUSED sh -c \"echo \\$\\$\"' | uniq | wc -l | grep -q '^1$'");
}

TEST_P(Excuse, RunsNothingWithoutAnExcuse) {
  guard_app("fix");
  EXPECT_EQ(status_of("$EXCUSED touch $O/ran 2> /dev/null"), 3);
  started();
  ASSERT_EQ(::setenv("COMMAND", "$EXCUSED touch $O/ran", 1), 0);
  as_root("chmod 777 $O");
  EXPECT_EQ(status_of("setpriv --reuid 65534 --regid 65534 --clear-groups sh -c \"$COMMAND\""), 4);
  EXPECT_EQ(status_of("setpriv --reuid 1 --regid 1 --clear-groups sh -c \"$COMMAND\""), 4);
  const std::string too_long(500, 'x');
  EXPECT_EQ(
      status_of("$GUARDCTL exec --excuse --reason " + too_long + " -- touch $O/ran 2> /dev/null"),
      2);
  EXPECT_EQ(status_of("$GUARDCTL exec --excuse --reason ' ' -- touch $O/ran 2> /dev/null"), 2);
  EXPECT_FALSE(std::filesystem::exists(other_ / "ran"));
}

// A caller cannot excuse another process, not even as root.
TEST_P(Excuse, CoversOnlyTheCaller) {
  guard_app("fix");
  started();
  const auto connection = bus_there_.connect();
  const auto ask = [&](int process) {
    return sd_bus_call_method(connection.get(), bus::kName, bus::kObject, bus::kManager, "Excuse",
                              nullptr, nullptr, "hss", process, "ticket-7", "a false command");
  };
  const Fd other(static_cast<int>(::syscall(SYS_pidfd_open, ::getppid(), 0)));
  const Fd no_process(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  EXPECT_LT(ask(other.get()), 0);
  EXPECT_LT(ask(no_process.get()), 0);
  as_root("touch $T/file");
  EXPECT_TRUE(becomes_apps("file"));
  EXPECT_GE(ask(self.get()), 0);
  as_root("touch $T/excused");
  expect_excused("excused");
}

}  // namespace
